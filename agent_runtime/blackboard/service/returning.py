"""What was taken for a caller who is gone goes back, whatever becomes of the caller."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent_runtime.core.background import spawn

T = TypeVar("T")


class Returning:
    """Takes on behalf of callers who may be cancelled."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()

    async def take(
        self, taking: Coroutine[Any, Any, T], give_back: Callable[[T], Coroutine[Any, Any, None]]
    ) -> T:
        """What `taking` brings. It goes on when the caller is cancelled, and then that is given back.

        Cancelling it as well would leave open what a store, which may be far away, has done already.
        """
        task = asyncio.ensure_future(taking)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.begin(_give_back_what_comes(task, give_back))
            raise

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that nobody waits for, and that does not raise."""
        task = spawn(work, name="gives back")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Wait until all that goes back has gone."""
        while self._under_way:
            await asyncio.wait(self._under_way)


async def _give_back_what_comes(
    taking: asyncio.Task[T], give_back: Callable[[T], Coroutine[Any, Any, None]]
) -> None:
    await asyncio.wait([taking])
    if not taking.cancelled() and taking.exception() is None:
        await give_back(taking.result())
