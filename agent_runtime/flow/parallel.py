"""Do the same for many items at once, in tasks that live and die together.

asyncio is imported where it is used: it is two thirds of what importing the core would cost, and whoever
gets to use it runs an event loop, so has it already.
"""

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


async def together(
    work: Callable[[int, Any], Awaitable[Any]], items: Iterable[Any], limit: int | None
) -> list[Any]:
    """`await work(index, item)` for all items concurrently, at most `limit` at a time; results in order.

    Each item has its own task and context. The first failure, or the cancellation of the caller, cancels all
    that are under way, waits until they have ended, and is raised. With a limit items are taken as slots
    become free, so that they may come from a long generator.
    """
    return await _Crew(work, limit).run(items)


class _Crew:
    __slots__ = ("_changed", "_error", "_free", "_left", "_results", "_tasks", "_work")

    def __init__(self, work: Callable[[int, Any], Awaitable[Any]], limit: int | None) -> None:
        self._work = work
        self._free: float = math.inf if limit is None else limit
        self._left = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._results: list[Any] = []
        self._error: BaseException | None = None
        self._changed: asyncio.Future[None] | None = None

    async def run(self, items: Iterable[Any]) -> list[Any]:
        import asyncio

        loop = asyncio.get_running_loop()
        try:
            for index, item in enumerate(items):
                while not self._free and self._error is None:
                    await self._change(loop)
                if self._error is not None:
                    break
                self._free -= 1
                self._left += 1
                self._results.append(None)
                # A name of our own saves asyncio from making one.
                self._tasks[index] = loop.create_task(self._one(index, item), name="item")
            while self._left and self._error is None:
                await self._change(loop)
            if self._error is not None:
                raise self._error
        except BaseException:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        return self._results

    async def _one(self, index: int, item: Any) -> None:
        try:
            self._results[index] = await self._work(index, item)
        except BaseException as error:
            # Told to `run`, which raises it; a task that raised as well would be reported twice.
            self._error = error if self._error is None else self._error
            self._wake()
        del self._tasks[index]
        self._free += 1
        self._left -= 1
        if not self._left or self._free == 1:
            self._wake()

    async def _change(self, loop: "asyncio.AbstractEventLoop") -> None:
        # One future for all tasks costs a fraction of a callback on each, as asyncio.gather has.
        self._changed = loop.create_future()
        await self._changed

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


def check_limit(limit: int | None) -> int | None:
    """Return `limit` when it is None or at least 1, else raise ValueError."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, or None for no limit; not {limit!r}")
    return limit
