"""Hearing from other servers on the same store, for as long as the board is open."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from agent_runtime.blackboard.stores.port import Store, Wake

_log = structlog.get_logger(__name__)

_PAUSE = 1.0
"""Seconds after which a watch that ended is begun again."""


async def keep_watching(
    store: Store, wake: Wake, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Watch the store until cancelled.

    A watch ends by itself only by a fault, which is told once, until something is heard again. Everybody is
    woken when the next watch begins: nobody knows what was missed.
    """
    told = False

    def heard(agents: Sequence[str] | None) -> None:
        nonlocal told
        told = False
        wake(agents)

    while True:
        fault: Exception | None = None
        try:
            await store.watch(heard)
        except Exception as error:  # whatever it is, who waits must not be forgotten
            fault = error
        if not told:
            _log.error("hearing from other servers ended; it is begun again", exc_info=fault)
            told = True
        await sleep(_PAUSE)
        wake(None)
