"""How long to go on asking a store that is away."""

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from agent_runtime.core.clock import Clock
from agent_runtime.durable.port import Unavailable

T = TypeVar("T")

_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 2.0


class Patience:
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
        pause = _FIRST_SECONDS
        while self._clock.monotonic() - begun < self._seconds:
            # Dice, so that a thousand runs do not all come back in the same moment.
            yield pause * self._dice(0.5, 1.0)
            pause = min(2 * pause, _LONGEST_SECONDS)
