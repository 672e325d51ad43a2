"""The tool port: what a model may call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.models.port import ToolSpec

INPUT_DIR_VARIABLE = "COVEY_INPUT_DIR"
DEFAULT_INPUT_DIR = "/input"


class ToolError(Exception):
    """The tool cannot do what it was asked; the message is for the model, and says what it can do instead."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a call may use besides its arguments."""

    input_dir: Path = Path(DEFAULT_INPUT_DIR)
    """The only folder that file tools see."""
    clock: Clock = SYSTEM_CLOCK
    input_named_by: str = INPUT_DIR_VARIABLE
    """Where a person said which folder it is, for messages."""
    idempotency_key: str | None = None
    """The same for each attempt at a call; None: the caller does not repeat calls."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], clock: Clock = SYSTEM_CLOCK) -> "ToolContext":
        """The context that COVEY_INPUT_DIR describes."""
        return cls(Path(environ.get(INPUT_DIR_VARIABLE) or DEFAULT_INPUT_DIR), clock)


Run = Callable[[Mapping[str, Any], ToolContext], Any]
"""(arguments, context) -> JSON. Arguments fit the schema. Runs in a thread: it may read files."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: how it is described to the model, and what it does."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""
    run: Run
    """Raises ToolError."""

    @property
    def spec(self) -> ToolSpec:
        """The tool as the model sees it."""
        return ToolSpec(self.name, self.description, self.parameters)


def parameters(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments: these properties and no others."""
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }
