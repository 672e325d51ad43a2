"""Clocks for tests: time passes when the test says so."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""A Monday."""


class SteppingClock:
    """Sleeping takes no time, but moves the clock; `sleeps` notes how long each was."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self._passed = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


class ManualClock(SteppingClock):
    """Sleepers sleep until `advance` has passed their time."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        for until, awake in self._sleepers:
            if until <= self._passed:
                awake.set()

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        awake = asyncio.Event()
        self._sleepers.append((self._passed + seconds, awake))
        await awake.wait()


async def eventually(condition: Callable[[], object]) -> None:
    """Let the other tasks run until the condition holds; gives up after a long time."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
