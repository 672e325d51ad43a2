"""Time goes first: what is due for groups happens before an item is added to one.

A window is closed by the clock and not by the sweep that happens to come by. So a step that adds an item to
a group looks whether anything on the board is due by the item's time: embargoes that open, windows that have
passed. If so, it changes nothing and raises `Overdue`; the store sweeps up to that time and takes the step
again. What such a sweep brought about is part of what the next one reports.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import TypeVar

from agent_runtime.blackboard.stores.errors import StoreError, Unavailable
from agent_runtime.blackboard.stores.records import ExpiryReport, Publication

T = TypeVar("T")
_MOST_SWEEPS = 10_000
"""A sweep is a bounded step; so many have seen to the fullest inboxes long before."""


class Overdue(StoreError):
    """Something that groups wait for is due at this time, and has not been done yet."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"what is due by {at} comes first")
        self.at = at


class Ahead:
    """Takes the steps of one store, and keeps what sweeps between them brought about."""

    def __init__(self) -> None:
        self._swept: list[ExpiryReport] = []

    async def take(
        self, step: Callable[[], Awaitable[T]], sweep: Callable[[datetime], Awaitable[ExpiryReport]]
    ) -> T:
        """What the step returns, once nothing is overdue."""
        for _ in range(_MOST_SWEEPS):
            try:
                return await step()
            except Overdue as due:
                self._swept.append(await sweep(due.at))
        raise Unavailable("windows pass faster than they can be ended: publish again")

    def reported(self, swept: ExpiryReport) -> ExpiryReport:
        """The sweep, and those before that nobody knows of yet."""
        if not self._swept:
            return swept
        every = [*self._swept, swept]
        self._swept = []
        return replace(
            swept,
            ready=_unique(one.ready for one in every),
            expired=_unique(one.expired for one in every),
            dead=tuple(chain.from_iterable(one.dead for one in every)),
            incomplete=tuple(chain.from_iterable(one.incomplete for one in every)),
        )


def _unique(names: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(names)))


def gathers_at(publications: Iterable[Publication]) -> datetime | None:
    """When items are added to groups by publishing these: by then nothing may be due; None: none are."""
    return max(
        (
            publication.artifact.created_at
            for publication in publications
            for plan in publication.deliveries
            if plan.join is not None and plan.due <= publication.artifact.created_at
        ),
        default=None,
    )
