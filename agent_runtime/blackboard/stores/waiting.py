"""One delivery in memory, and what time will do to it."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import count

from agent_runtime.blackboard.stores.records import Planned


class State(Enum):
    """What a delivery is doing."""

    WAITS = "for its time"
    GATHERED = "for the others of its group"
    READY = "to be handed out"
    HELD = "by somebody who works on it"


@dataclass(slots=True, eq=False)
class Waiting:
    """One delivery. `timer` says when time will change its state; None: not by itself, or it is gone."""

    plan: Planned
    """What it has become: a set that was merged has the ids of all its items here."""
    sequence: int
    """Its place among the deliveries of the board: smaller is older."""
    attempt: int = 0
    base: int = 0
    """Attempts that do not count: those before it was replayed, and those that gave it back unjudged."""
    state: State = State.WAITS
    timer: datetime | None = None
    sets: tuple[int, ...] = ()
    """How many artifacts each of the joined sets in it has."""

    def rank(self) -> tuple[int, int]:
        """Smaller is handed out earlier."""
        return -self.plan.priority, self.sequence

    def turn(self) -> tuple[int, int]:
        """Of what is due at one instant, smaller comes first: windows end before anything is added.

        And those of batches before those of joins, whose sets may go on into a batch.
        """
        if self.state is not State.GATHERED or self.plan.gathering is None:
            return 2, self.sequence
        return 0 if self.plan.gathering.is_batch else 1, self.sequence


_SLACK = 64
_Entry = tuple[datetime, tuple[int, int], int, Waiting]
"""When, the delivery's turn, what tells two entries of one delivery apart, and the delivery."""


class Timers:
    """When which delivery is due. An entry whose delivery has another timer by now, or none, is stale."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._tie = count()

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, waiting: Waiting, due: datetime, alive: int) -> None:
        """Wake the delivery then, and only then; `alive` is how many deliveries there are.

        With more entries than twice that, most are stale: they are cleared away, or they would stay until
        their times, which may be far off.
        """
        if waiting.timer == due:
            return
        waiting.timer = due
        if len(self._heap) > 2 * alive + _SLACK:
            self._heap = [entry for entry in self._heap if _current(entry)]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (due, waiting.turn(), next(self._tie), waiting))

    def due(self, now: datetime) -> Iterator[Waiting]:
        """Those whose time has come, in order of time, then of turns; what is set meanwhile counts too."""
        while (at := self.next()) is not None and at <= now:
            yield heapq.heappop(self._heap)[-1]

    def next(self) -> datetime | None:
        """The earliest timer."""
        while self._heap and not _current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


def _current(entry: _Entry) -> bool:
    return entry[-1].timer == entry[0]
