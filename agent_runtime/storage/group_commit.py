"""Group commit: what is asked while a commit is under way goes into the next one together.

At most one group is in flight, so that the number of commits follows the store's pace, not the callers'.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from agent_runtime.core.background import spawn

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Awaited with one step, it gives that step's outcome."""

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        weight: Callable[[T], int],
        most: int,
    ) -> None:
        """`commit` returns an outcome for each step, or raises for all. A group weighs up to `most`."""
        self._commit = commit
        self._weight = weight
        self._most = most
        self._asked: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, step: T) -> R:
        """Raises what became of the step, or of the whole group. Cancelling the caller undoes nothing."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[R] = loop.create_future()
        self._asked.append((step, outcome))
        if self._task is None:
            # a task of its own: who asked may be cancelled, and the others wait for the same group
            self._task = spawn(self._commit_all(), name="group commit")
        return await outcome

    async def finish(self) -> None:
        """Wait until all that was asked has its outcome."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _commit_all(self) -> None:
        group: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while self._asked:
                group = self._next_group()
                outcomes: Sequence[R | Exception]
                try:
                    outcomes = await self._commit([step for step, _ in group])
                    if len(outcomes) != len(group):
                        raise RuntimeError(f"{len(outcomes)} outcomes of {len(group)} steps")
                except Exception as error:
                    outcomes = [error] * len(group)
                for (_, asked), outcome in zip(group, outcomes, strict=True):
                    if asked.done():  # who asked was cancelled
                        continue
                    if isinstance(outcome, Exception):
                        asked.set_exception(outcome)
                    else:
                        asked.set_result(outcome)
        finally:
            self._task = None
            # some are left only when this task was cancelled: nobody waits for what will not come
            for _, asked in (*group, *self._asked):
                asked.cancel()
            self._asked.clear()

    def _next_group(self) -> list[tuple[T, asyncio.Future[R]]]:
        """At least one."""
        group = [self._asked.popleft()]
        weight = self._weight(group[0][0])
        while self._asked and (weight := weight + self._weight(self._asked[0][0])) <= self._most:
            group.append(self._asked.popleft())
        return group
