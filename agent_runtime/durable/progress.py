"""Where a run stands: the frames of its walks, kept from boundary to boundary. Pure.

Walks are told apart by their path. A node whose code starts two flows one after the other begins two walks at
one path ("plan!/"): the second is called "plan!/#2". Code that is repeated begins them in the same order, so
each finds its own frame.
"""

from typing import Any, TypeVar

from agent_runtime.durable.checkpoint import Checkpoint, End
from agent_runtime.flow import Frame, Visit

T = TypeVar("T")


class Progress:
    """The cursor of a run, from its last checkpoint on."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._fingerprint = checkpoint.fingerprint
        self._frames = dict(checkpoint.frames)
        self._stored = dict(checkpoint.frames)
        self._begun: dict[str, int] = {}
        self._visits = dict(checkpoint.visits)
        self._aside: dict[str, int] = {}

    def begin(self, walk: str) -> Frame | None:
        """A walk begins; the frame that it goes on from, if it was under way."""
        self._begun[walk] = times = self._begun.get(walk, 0) + 1
        # Handed out once: what this process begins again, in a loop or an attempt, begins at its start.
        return self._stored.pop(_key(walk, times), None)

    def end_visit(self, visit: Visit) -> None:
        """A visit has ended: its walk and those around it moved on, what lay beneath is over."""
        self._visits[visit.path] = visit.number
        cursor = visit.cursor()
        for frame in cursor:
            self._frames[_key(frame.walk, self._begun.get(frame.walk, 1))] = frame
        if len(self._frames) > len(cursor) or len(self._begun) > len(cursor):
            beneath = Beneath(visit.path)
            beneath.take(self._frames)
            beneath.take(self._stored)
            beneath.take(self._begun)
        if self._aside:
            self._visits |= Beneath(visit.path).take(self._aside)

    def set_aside(self, visit: Visit) -> None:
        """A visit has ended that is no boundary; it counts when the one above it ends."""
        self._aside[visit.path] = visit.number

    def checkpoint(self, shared: dict[str, Any], extra: Any, end: End | None = None) -> Checkpoint:
        """The state now. Shares its values with the run: encode it before the run goes on."""
        return Checkpoint(self._fingerprint, shared, self._frames, self._visits, extra, end)


class Beneath:
    """What lies beneath a node: walks of a nested flow, passes of a batch, flows that its code started."""

    __slots__ = ("_starts",)

    def __init__(self, path: str) -> None:
        self._starts = (f"{path}/", f"{path}[", f"{path}!")

    def take(self, places: dict[str, T]) -> dict[str, T]:
        """Remove what lies beneath from `places`, which are by path, and return it."""
        return {path: places.pop(path) for path in [path for path in places if path.startswith(self._starts)]}


def _key(walk: str, times: int) -> str:
    return walk if times == 1 else f"{walk}#{times}"
