"""The board's alarm clock: sweeps the store when something is due, and at least once in a while."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from agent_runtime.blackboard.stores.errors import Unavailable

_log = structlog.get_logger(__name__)

LONGEST_SLEEP = timedelta(seconds=1)
"""Bounds how late a board is that was not told: another process set a timer, or the clock was set."""


class Timer:
    """Calls `sweep` when it is time; `sweep` says when that will be again."""

    def __init__(
        self, sweep: Callable[[], Awaitable[datetime | None]], clock: Callable[[], datetime]
    ) -> None:
        self._sweep = sweep
        self._clock = clock
        self._next = datetime.max.replace(tzinfo=clock().tzinfo)
        self._earlier = asyncio.Event()

    def at_latest(self, due: datetime) -> None:
        """Something will be due then."""
        if due < self._next:
            self._next = due
            self._earlier.set()

    async def run(self) -> None:
        """Until cancelled. A store that does not answer is asked again."""
        down = False
        while True:
            self._earlier.clear()
            # until the sweep says otherwise, whatever is due sooner than this wakes the timer
            self._next = self._clock() + LONGEST_SLEEP
            try:
                due = await self._sweep()
                if down:
                    _log.info("the store answers again")
                down = False
            except Unavailable as error:
                due = None
                if not down:
                    _log.warning("the store does not answer", error=str(error))
                down = True
            except Exception:
                due = None
                _log.exception("sweeping failed; it is tried again")
            if due is not None:
                self._next = min(self._next, due)
            await self._sleep()

    async def _sleep(self) -> None:
        pause = (self._next - self._clock()).total_seconds()
        while pause > 0:
            try:
                async with asyncio.timeout(pause):
                    await self._earlier.wait()
            except TimeoutError:
                return
            self._earlier.clear()
            pause = (self._next - self._clock()).total_seconds()
