"""What becomes of the items of one group, and of the batch behind it: a model to compare the stores with.

It knows no sweeps: time goes on to the next arrival, and what is due before that happens at its time.
"""

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent_runtime.blackboard.matching.joins import JoinSpec

_MICROSECOND = timedelta(microseconds=1)
_ENDS_JOIN, _ENDS_BATCH, _OPENS = range(3)


@dataclass(slots=True)
class _Part:
    """An item, or a set that waits as one in a batch."""

    place: int
    ids: list[str]
    waits: bool = False


@dataclass
class Model:
    """Sets, in the order in which they ended."""

    delivered: list[list[str]] = field(default_factory=list)
    given_up: list[list[str]] = field(default_factory=list)
    dropped: list[list[str]] = field(default_factory=list)
    _slots: dict[str, list[list[_Part]]] = field(default_factory=dict)
    _due: list[tuple[datetime, int, int, _Part, JoinSpec]] = field(default_factory=list)
    _places: int = 0

    def publish(self, id_: str, join: JoinSpec, at: datetime, embargo: timedelta) -> None:
        """An item comes, or opens later."""
        self.go_on_to(at)
        self._places += 1
        part = _Part(self._places, [id_])
        if embargo:
            heapq.heappush(self._due, (at + embargo, _OPENS, part.place, part, join))
        else:
            self._add(part, join, at)

    def go_on_to(self, now: datetime) -> None:
        """All that is due by then happens."""
        while self._due and self._due[0][0] <= now:
            at, what, _, part, join = heapq.heappop(self._due)
            if what == _OPENS:
                self._add(part, join, at)
                continue
            while part.waits:
                self._end(join, at)

    def _add(self, part: _Part, join: JoinSpec, at: datetime) -> None:
        slots = self._slots.setdefault(join.group, [[] for _ in join.needs])
        slots[join.slot].append(part)
        slots[join.slot].sort(key=lambda one: one.place)
        part.waits = True
        ends = at + join.window + _MICROSECOND
        what = _ENDS_BATCH if join.is_batch else _ENDS_JOIN
        heapq.heappush(self._due, (ends, what, part.place, part, join))
        if all(len(slot) >= need for slot, need in zip(slots, join.needs, strict=True)):
            self._pass_on(self._take(join), join, at)

    def _end(self, join: JoinSpec, at: datetime) -> None:
        taken = self._take(join)
        ids = [id_ for part in taken for id_ in part.ids]
        match join.expiry:
            case "Deliver":
                self._pass_on(taken, join, at)
            case "DeadLetter":
                self.given_up.append(ids)
            case "Drop":
                self.dropped.append(ids)

    def _take(self, join: JoinSpec) -> list[_Part]:
        taken = []
        for slot, need in zip(self._slots[join.group], join.needs, strict=True):
            taken += slot[:need]
            del slot[:need]
        for part in taken:
            part.waits = False
        return taken

    def _pass_on(self, taken: list[_Part], join: JoinSpec, at: datetime) -> None:
        whole = _Part(taken[0].place, [id_ for part in taken for id_ in part.ids])
        if join.then is None:
            self.delivered.append(whole.ids)
        else:
            self._add(whole, join.then, at)
