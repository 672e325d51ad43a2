"""What a monitor has counted: rows of plain values, and the table they print as."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["flow", "node"]
Outcome = Literal["succeeded", "failed", "interrupted"]
"""Interrupted is what was ended by something that is no `Exception`: a cancelled task, Ctrl-C."""

_TITLES = ("path", "kind", "count", "failed", "interrupted", "retries", "mean s", "slowest s")


@dataclass(frozen=True, slots=True)
class Row:
    """What one flow or one node did: `count` passes over the flow's graph, or visits to the node.

    `path` begins with the name of the run's own flow, by default that of its class; all passes of a batch
    flow share one, with "[]". `seconds` is the time of all together, however they ended.
    """

    path: str
    kind: Kind
    count: int = 0
    failures: int = 0
    interruptions: int = 0
    retries: int = 0
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def mean(self) -> float:
        """Seconds for one, on average."""
        return self.seconds / self.count if self.count else 0.0


@dataclass(slots=True)
class Tally:
    """A row as it grows."""

    count: int = 0
    failures: int = 0
    interruptions: int = 0
    retries: int = 0
    seconds: float = 0.0
    slowest: float = 0.0

    def add(self, outcome: Outcome, seconds: float, retries: int) -> None:
        """One pass or visit more."""
        self.count += 1
        self.failures += outcome == "failed"
        self.interruptions += outcome == "interrupted"
        self.retries += retries
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)

    def row(self, path: str, kind: Kind) -> Row:
        """What it is now."""
        return Row(path, kind, **asdict(self))


@dataclass(frozen=True, slots=True)
class Report:
    """The rows at one moment, by path. `str(report)` is a table."""

    flows: tuple[Row, ...]
    nodes: tuple[Row, ...]

    def as_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Plain data, fit for JSON: the fields of the rows."""
        return {"flows": [asdict(row) for row in self.flows], "nodes": [asdict(row) for row in self.nodes]}

    def __str__(self) -> str:
        lines = [_TITLES, *(_cells(row) for row in (*self.flows, *self.nodes))]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([path.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])])
            for path, *numbers in lines
        )


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.count, row.failures, row.interruptions, row.retries)
    return (row.path, row.kind, *map(str, counts), f"{row.mean:.3f}", f"{row.slowest:.3f}")
