"""Work for a caller who waits on the line, and may hang up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

T = TypeVar("T")


async def cancel_on_disconnect(
    request: Request, work: Awaitable[T], undo: Callable[[T], None] = lambda outcome: None
) -> T | None:
    """The outcome of `work`; None when the caller has hung up by then: the work is cancelled, or undone.

    Otherwise what is leased for a caller who is gone would be nobody's until the lease runs out.
    """
    working = asyncio.ensure_future(work)
    hanging_up = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait({working, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        if not hanging_up.done():
            return working.result()
        _drop(working, undo)
        return None
    except asyncio.CancelledError:
        _drop(working, undo)
        raise
    finally:
        hanging_up.cancel()


def _drop(working: asyncio.Future[T], undo: Callable[[T], None]) -> None:
    """Nobody waits for it any more."""
    if not working.cancel() and not working.cancelled() and working.exception() is None:
        undo(working.result())


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
