"""How long to go on asking a store that is away."""

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from agent_runtime.core.clock import Clock
from agent_runtime.core.retry import Backoff
from agent_runtime.durable.port import Unavailable

T = TypeVar("T")

_WAITS = Backoff(0.05, 2.0)


class RetryPolicy:
    """Repeats a step while it raises Unavailable, for up to `seconds`; then the error is raised."""

    def __init__(
        self, seconds: float, clock: Clock, *, dice: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._dice = dice

    def end(self) -> None:
        """Repeat nothing from now on: the run is to stop."""
        self._seconds = 0

    async def __call__(self, step: Callable[[], Awaitable[T]]) -> T:
        """The step's result."""
        for pause in self.pauses():
            try:
                return await step()
            except Unavailable:
                await self.sleep(pause)
        return await step()

    async def sleep(self, pause: float) -> None:
        """Wait between two attempts."""
        await self._clock.sleep(pause)

    def blocking(self, step: Callable[[], T], sleep: Callable[[float], None]) -> T:
        """The same without an event loop."""
        for pause in self.pauses():
            try:
                return step()
            except Unavailable:
                sleep(pause)
        return step()

    def pauses(self) -> Iterator[float]:
        """Seconds to wait after each attempt that failed, until there is no patience left."""
        begun = self._clock.monotonic()
        failures = 0
        while self._clock.monotonic() - begun < self._seconds:
            failures += 1
            yield _WAITS.delay(failures, self._dice)
