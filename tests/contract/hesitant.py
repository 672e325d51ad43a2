"""A store that takes its time to answer: what it has done is done, and nobody knows."""

import asyncio
from datetime import datetime
from typing import Any

from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Leased


class Hesitant:
    """Does as the store behind it, but that it keeps what it has handed out to itself until `answers`."""

    waits = True

    def __init__(self, store: Store) -> None:
        self._store = store
        self.handed_out = asyncio.Event()
        self.answers = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        leased = await self._store.lease(agent, limit, now)
        if leased:
            self.handed_out.set()
            await self.answers.wait()
        return leased
