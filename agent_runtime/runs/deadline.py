"""How long a run may work: over all its processes, without the time that it waits for people or the clock."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from agent_runtime.core.clock import Clock


class DeadlineExceeded(Exception):
    """The run worked for longer than it may."""


class Deadline:
    """`seconds` in all; `worked` tells how many have been used."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._before = 0.0
        self._since: float | None = None
        self._timeout: asyncio.Timeout | None = None

    @property
    def worked(self) -> float:
        """Seconds worked so far."""
        since = self._since
        return self._before + (0.0 if since is None else self._clock.monotonic() - since)

    def go_on_from(self, worked: float) -> None:
        """Earlier processes worked for so many seconds."""
        self._before = worked
        if self._since is not None:
            self._since = self._clock.monotonic()
        self._set()

    @asynccontextmanager
    async def bounding(self) -> AsyncIterator[None]:
        """Cancel what is inside when the time is up. Raises DeadlineExceeded."""
        self._since = self._clock.monotonic()
        try:
            async with asyncio.timeout(None) as timeout:
                self._timeout = timeout
                self._set()
                yield
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise DeadlineExceeded(
                f"the run did not end within its deadline of {self._seconds:g}s: "
                "raise run.deadline of the flow"
            ) from error
        finally:
            self._before, self._since, self._timeout = self.worked, None, None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside is no work."""
        self._before, self._since = self.worked, None
        self._set()
        try:
            yield
        finally:
            self._since = self._clock.monotonic()
            self._set()

    def _set(self) -> None:
        if self._timeout is None:
            return
        left = self._seconds - self.worked
        when = None if self._since is None else asyncio.get_running_loop().time() + left
        self._timeout.reschedule(when)
