"""Ending background tasks for certain."""

import asyncio

_PATIENCE_SECONDS = 0.2


async def end(task: asyncio.Task[None]) -> None:
    """Cancel it until it is done: libraries swallow a cancellation now and then (redis-py, connecting)."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_PATIENCE_SECONDS)
