"""Work for a caller who waits on the line, and may hang up."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

T = TypeVar("T")


async def while_connected(request: Request, work: Awaitable[T]) -> T | None:
    """The outcome of `work`; None, and the work cancelled, when the caller hangs up.

    Otherwise what is leased for a caller who is gone would be nobody's until the lease runs out.
    """
    working = asyncio.ensure_future(work)
    hanging_up = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait({working, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        hanging_up.cancel()
        working.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
