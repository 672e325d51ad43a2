"""What becomes of the items of one group, and of the batch behind it: a model to compare the stores with.

It knows no sweeps: time goes on to the next arrival, and what is due before that happens at its time.
"""

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent_runtime.blackboard.matching.joins import Gathering

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
    _due: list[tuple[datetime, int, int, _Part, Gathering]] = field(default_factory=list)
    _places: int = 0

    def publish(self, id_: str, gathering: Gathering, at: datetime, embargo: timedelta) -> None:
        """An item comes, or opens later."""
        self.go_on_to(at)
        self._places += 1
        part = _Part(self._places, [id_])
        if embargo:
            heapq.heappush(self._due, (at + embargo, _OPENS, part.place, part, gathering))
        else:
            self._add(part, gathering, at)

    def go_on_to(self, now: datetime) -> None:
        """All that is due by then happens."""
        while self._due and self._due[0][0] <= now:
            at, what, _, part, gathering = heapq.heappop(self._due)
            if what == _OPENS:
                self._add(part, gathering, at)
                continue
            while part.waits:
                self._end(gathering, at)

    def _add(self, part: _Part, gathering: Gathering, at: datetime) -> None:
        slots = self._slots.setdefault(gathering.group, [[] for _ in gathering.needs])
        slots[gathering.slot].append(part)
        slots[gathering.slot].sort(key=lambda one: one.place)
        part.waits = True
        ends = at + gathering.window + _MICROSECOND
        what = _ENDS_BATCH if gathering.is_batch else _ENDS_JOIN
        heapq.heappush(self._due, (ends, what, part.place, part, gathering))
        if all(len(slot) >= need for slot, need in zip(slots, gathering.needs, strict=True)):
            self._pass_on(self._take(gathering), gathering, at)

    def _end(self, gathering: Gathering, at: datetime) -> None:
        taken = self._take(gathering)
        ids = [id_ for part in taken for id_ in part.ids]
        match gathering.expiry:
            case "Deliver":
                self._pass_on(taken, gathering, at)
            case "DeadLetter":
                self.given_up.append(ids)
            case "Drop":
                self.dropped.append(ids)

    def _take(self, gathering: Gathering) -> list[_Part]:
        taken = []
        for slot, need in zip(self._slots[gathering.group], gathering.needs, strict=True):
            taken += slot[:need]
            del slot[:need]
        for part in taken:
            part.waits = False
        return taken

    def _pass_on(self, taken: list[_Part], gathering: Gathering, at: datetime) -> None:
        whole = _Part(taken[0].place, [id_ for part in taken for id_ in part.ids])
        if gathering.then is None:
            self.delivered.append(whole.ids)
        else:
            self._add(whole, gathering.then, at)
