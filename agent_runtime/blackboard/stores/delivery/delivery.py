"""One delivery in memory, and what time will do to it."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import count

from agent_runtime.blackboard.stores.records import DeliveryPlan


class State(Enum):
    """What a delivery is doing."""

    WAITS = "for its time"
    GATHERED = "for the others of its group"
    READY = "to be handed out"
    HELD = "by somebody who works on it"


@dataclass(slots=True, eq=False)
class PendingDelivery:
    """One delivery. `timer` says when time will change its state; None: not by itself, or it is gone."""

    plan: DeliveryPlan
    """What it has become: a set that was merged has the ids of all its items here."""
    sequence: int
    """Its place among the deliveries of the board: smaller is older."""
    attempt: int = 0
    base: int = 0
    """Attempts that do not count: those before it was replayed, and those that gave it back unjudged."""
    state: State = State.WAITS
    timer: datetime | None = None
    entry: int = 0
    """Which of its entries among the timers counts."""
    sets: tuple[int, ...] = ()
    """How many artifacts each of the joined sets in it has."""

    def rank(self) -> tuple[int, int]:
        """Smaller is handed out earlier."""
        return -self.plan.priority, self.sequence

    def turn(self) -> tuple[int, int]:
        """Of what is due at one instant, smaller comes first: windows end before an embargo opens.

        Exactly at the end of a window one is still inside, and a timer is a microsecond later: what opens
        then is too late. Joins end before batches: their sets come out at the end of their window, which is
        in time for a batch that ends at the same.
        """
        if self.state is not State.GATHERED or self.plan.join is None:
            return 2, self.sequence
        return 1 if self.plan.join.is_batch else 0, self.sequence


_SLACK = 64
_Entry = tuple[datetime, tuple[int, int], int, PendingDelivery]
"""When, the delivery's turn, the number of the entry, and the delivery."""


class Timers:
    """When which delivery is due. An entry whose delivery has another by now, or no timer, is stale."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._entries = count(1)

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, waiting: PendingDelivery, due: datetime, alive: int) -> None:
        """Wake the delivery then, and only then; `alive` is how many deliveries there are.

        With more entries than twice that, most are stale: they are cleared away, or they would stay until
        their times, which may be far off.
        """
        waiting.timer, waiting.entry = due, next(self._entries)
        if len(self._heap) > 2 * alive + _SLACK:
            self._heap = [entry for entry in self._heap if _current(entry)]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (due, waiting.turn(), waiting.entry, waiting))

    def due(self, now: datetime) -> Iterator[PendingDelivery]:
        """Those whose time has come, in order of time, then of turns; what is set meanwhile counts too."""
        while (at := self.next()) is not None and at <= now:
            yield heapq.heappop(self._heap)[-1]

    def next(self) -> datetime | None:
        """The earliest timer."""
        while self._heap and not _current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


def _current(entry: _Entry) -> bool:
    waiting = entry[-1]
    return waiting.timer is not None and waiting.entry == entry[2]
