"""What is wrong with a manifest, and where."""

from dataclasses import dataclass, field

from agent_runtime.core.visible import visible_line


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the path of the field, such as `spec.nodes[2].next`, and what is wrong there."""

    path: str
    message: str
    meant: str = field(default="", compare=False)
    """The path that an unknown field was probably meant to be."""

    def __str__(self) -> str:
        """One line, whatever keys and values are quoted in it: no part of it can pass for another line."""
        return visible_line(f"{self.path}: {self.message}" if self.path else self.message)


class InvalidManifest(ValueError):
    """A manifest with faults; the message lists them, a line for each."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


def below(path: str, step: str | int) -> str:
    """The path one step further down: a field, or the index of an item."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step
