"""The timer sweeps when something is due, and survives a store that is away."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.blackboard.service.deadlines import Timer
from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.core.tasks import end


def now() -> datetime:
    return datetime.now(UTC)


class Sweeps:
    """Counts sweeps, and answers each as told."""

    def __init__(self, answer: Callable[[], datetime | None]) -> None:
        self._answer = answer
        self.swept = asyncio.Event()

    async def __call__(self) -> datetime | None:
        self.swept.set()
        return self._answer()

    async def next(self) -> None:
        self.swept.clear()
        async with asyncio.timeout(30):
            await self.swept.wait()


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a bug")])
async def test_a_failing_sweep_is_tried_again(error: Exception) -> None:
    def fail() -> None:
        raise error

    sweeps = Sweeps(fail)
    running = asyncio.create_task(Timer(sweeps, now).run())
    for _ in range(2):
        await sweeps.next()
    await end(running)


async def test_it_comes_when_told_and_not_only_when_it_would_anyway() -> None:
    sweeps = Sweeps(lambda: None)
    timer = Timer(sweeps, now)
    running = asyncio.create_task(timer.run())
    await sweeps.next()
    for _ in range(50):  # at its own pace this would take 50 seconds
        timer.at_latest(now() + timedelta(milliseconds=1))
        await sweeps.next()
    await end(running)
