"""Endpoints that answer in time, or say that they do not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from math import inf
from typing import Any, ParamSpec, TypeVar

from agent_runtime.server.http.errors import ApiError

P = ParamSpec("P")
T = TypeVar("T")

_LOOKS = 20
"""How often it is looked in the time that a call may take."""


def within(seconds: float, endpoint: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The endpoint, which is broken off after so many seconds, or a twentieth more: ApiError 504."""
    if seconds == inf:
        return endpoint
    calls = _Calls(seconds)

    @wraps(endpoint)
    async def in_time(*args: P.args, **kwargs: P.kwargs) -> T:
        task = calls.begin()
        try:
            return await endpoint(*args, **kwargs)
        except asyncio.CancelledError as error:
            # as `asyncio.timeout` does: whoever else cancels it means the whole request
            if task in calls.late and task.uncancel() == 0:
                late = f"there is no answer within {seconds:g} s: it may be done all the same"
                raise ApiError(504, late) from error
            raise
        finally:
            calls.end(task)

    return in_time


class _Calls:
    """Those of one endpoint that are under way. One timer for all: `asyncio.timeout` costs 10 us a call."""

    __slots__ = ("_ends", "_looking", "_seconds", "late")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._looking = False
        self.late: set[asyncio.Task[Any]] = set()

    def begin(self) -> asyncio.Task[Any]:
        """The task that runs now, from now on."""
        task = asyncio.current_task()
        assert task is not None, "endpoints run in tasks"
        loop = asyncio.get_running_loop()
        self._ends[task] = loop.time() + self._seconds
        if not self._looking:
            self._look_later(loop)
        return task

    def end(self, task: asyncio.Task[Any]) -> None:
        """It is done, in time or not."""
        self._ends.pop(task, None)
        self.late.discard(task)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = True
        loop.call_later(self._seconds / _LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = False
        now = loop.time()
        for task in [task for task, ends in self._ends.items() if ends <= now]:
            del self._ends[task]
            self.late.add(task)
            task.cancel()
        if self._ends:
            self._look_later(loop)
