"""How long a board keeps its artifacts, and their removal in small steps."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.blackboard.service.events import EventEmitter
from agent_runtime.blackboard.stores.port import Store

STEP = 1000
"""Artifacts that are removed at once: publishing waits for no more."""
PAUSE = timedelta(seconds=30)
"""Between two looks, when nothing more was to be removed."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept; what somebody still needs stays in any case."""

    max_age: timedelta | None = None
    """Artifacts that are older go; None: however old."""
    max_artifacts: int | None = None
    """The oldest beyond so many go; None: however many."""


class Pruner:
    """Removes what need not be kept any more, whenever it is asked and its time has come."""

    def __init__(
        self,
        store: Store,
        retention: Retention,
        tell: EventEmitter,
        clock: Callable[[], datetime],
        may_prune: Callable[[], bool] = lambda: True,
    ) -> None:
        """While `may_prune` says no, what is due waits: an event log may not have it yet."""
        self._may_prune = may_prune
        self._store = store
        self._retention = retention
        self._tell = tell
        self._clock = clock
        self._next = clock()

    async def prune(self) -> int:
        """One step; returns how many artifacts went, `STEP` when there may be more. Raises as the store."""
        age, most = self._retention.max_age, self._retention.max_artifacts
        if age is None and most is None:
            return 0
        before = None if age is None else self._clock() - age
        gone = await self._store.prune(before, most, STEP)
        if gone:
            self._tell("pruned", count=gone, message="the board's retention lets them go")
        return gone

    async def when_due(self) -> datetime | None:
        """One step if it is time; returns when the next is due, None when nothing ever is."""
        if self._retention == Retention():
            return None
        now = self._clock()
        if now >= self._next:
            # should the step fail, the next one is not for this one to hurry
            self._next = now + PAUSE
            if self._may_prune() and await self.prune() >= STEP:
                self._next = now
                await asyncio.sleep(0)  # a store in memory does not pause by itself
        return self._next
