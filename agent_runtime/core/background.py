"""Background tasks that have an owner: no failure is silent, and none ends more than its own part.

asyncio keeps the exception of a task until somebody awaits the task. A task that nobody awaits so dies
unseen: its queue is read no more, its run keeps its slot, and nothing says so. Here every background task is
started by one of two functions:

- `spawn` for work with an end: a failure is logged with its traceback and passed to `on_failure`.
- `keep_running` for work without one: it is started again after a pause, and what it does is reported.

`tests/unit/core/test_background.py` keeps bare `create_task` calls out of the source, except where the task
is awaited by the function that makes it.
"""

import asyncio
import json
import re
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

OnFailure = Callable[[Exception], None]
"""Called with the failure of a background task: to put it into a status, or to fail what the task is for."""
Sleep = Callable[[float], Awaitable[None]]

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds between a failure and the next start; doubled with each failure in a row."""
HEALTHY_AFTER = 60.0
"""A task that ran for so many seconds before it failed begins with the first pause again."""

_log = structlog.get_logger(__name__)


def spawn(work: Coroutine[Any, Any, T], *, name: str, on_failure: OnFailure | None = None) -> asyncio.Task[T]:
    """Start the work in a task of its own. A failure is logged, also when nobody awaits the task."""
    task = asyncio.get_running_loop().create_task(work, name=name)

    def ended(done: asyncio.Task[T]) -> None:
        if done.cancelled():
            return
        failure = done.exception()  # marks it as seen; whoever awaits the task still gets it
        if isinstance(failure, Exception):
            report(name, failure, on_failure)

    task.add_done_callback(ended)
    return task


async def keep_running(
    work: Callable[[], Awaitable[None]],
    *,
    name: str,
    on_failure: OnFailure | None = None,
    on_start: Callable[[], None] | None = None,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Run `work` until it returns; when it fails, report that and start it again after a pause."""
    pause = FIRST_PAUSE
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        try:
            if on_start is not None:
                on_start()
            await work()
            return
        except Exception as failure:
            if loop.time() - begun > HEALTHY_AFTER:
                pause = FIRST_PAUSE
            report(name, failure, on_failure, again_in=pause)
        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def report(name: str, failure: Exception, on_failure: OnFailure | None = None, **data: object) -> None:
    """Log an unforeseen failure and pass it on. Never raises: the reporter must not be the next to fail."""
    with suppress(Exception):
        # As text: a console renderer would print all local variables of an exception, keys of models too.
        trace = encodable("".join(traceback.format_exception(failure)))
        _log.error("a background task failed", task=name, error=describe(failure), exception=trace, **data)
    if on_failure is None:
        return
    try:
        on_failure(failure)
    except Exception as second:
        with suppress(Exception):
            _log.error("the failure could not be passed on", task=name, error=describe(second))


def describe(failure: BaseException) -> str:
    """Type and message on a line that can be encoded: a lone surrogate becomes an escape."""
    message = encodable(" ".join(str(failure).split()))
    return f"{type(failure).__name__}: {message}" if message else type(failure).__name__


def encodable(text: str) -> str:
    """The text with NUL and lone surrogates, as names of files may hold, as escapes such as `\\udce9`."""
    return _UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain_json(value: object) -> bytes:
    """The value as JSON whatever it holds: what JSON has no word for becomes text."""
    text = json.dumps(value, default=str, skipkeys=True, ensure_ascii=False)
    return _SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text).encode()


_SURROGATE = re.compile("[\ud800-\udfff]")
_UNFIT = re.compile("[\0\ud800-\udfff]")
