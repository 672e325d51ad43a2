"""One line of a benchmark's table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, in `unit`, and what `peer` needed for the same in the same run, if there is one."""

    case: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """The peer's figure in ours: 2.0 says that the peer's is twice as large."""
        if self.peer_value is None or not self.value:
            return None
        return self.peer_value / self.value
