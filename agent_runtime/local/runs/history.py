"""A run's history, as people look at it: its boundaries, and the state at each."""

from typing import Any

from agent_runtime.durable.checkpoint import decode
from agent_runtime.durable.port import Boundary, NoSuchRun, RunStore


async def history_of(store: RunStore, run: str) -> list[dict[str, Any]]:
    """The boundaries that are kept, oldest first."""
    return [shown(boundary) for boundary in await store.history(run)]


async def state_at(store: RunStore, run: str, number: int | None) -> dict[str, Any]:
    """What the run knew at a boundary; None: the latest. Raises NoSuchRun, CheckpointError."""
    entry = await (store.latest(run) if number is None else store.entry(run, number))
    if entry is None:
        raise NoSuchRun(run, number, [boundary.number for boundary in await store.history(run)])
    checkpoint = decode(entry.body, of=f"run {run}, boundary {entry.boundary.number}")
    return {
        "boundary": shown(entry.boundary),
        "next": list(checkpoint.under_way()),
        "shared": checkpoint.shared,
        "visits": dict(checkpoint.visits),
        "extra": checkpoint.extra,
    }


def shown(boundary: Boundary) -> dict[str, Any]:
    """A boundary as JSON."""
    return {
        "number": boundary.number,
        "node": boundary.path,
        "visit": boundary.visit,
        "action": boundary.action,
        "at": boundary.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
