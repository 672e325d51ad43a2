"""Pruning a board in Redis: the oldest artifacts go that nothing needs.

`uses` counts what names an artifact. Boards from before had no such count; which of their artifacts are
needed is read from the names of their deliveries and dead letters, `ARTIFACT@AGENT`.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import cast

import orjson
import redis.asyncio

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.stores.redis.publications import indexes_of
from agent_runtime.blackboard.stores.redis.scan import COUNTED
from agent_runtime.blackboard.stores.redis.scripts import Scripts, unavailable
from agent_runtime.blackboard.wire.codec import decode
from agent_runtime.core.times import micros

_LOOKED_AT = 500
"""Artifacts in one step."""


class Retention:
    """Prunes one board."""

    def __init__(self, client: redis.asyncio.Redis, prefix: str, run: Scripts) -> None:
        self._client = client
        self._prefix = prefix
        self._run = run
        self._needed_of_before: frozenset[str] | None = None

    async def prune(self, before: datetime | None, keep: int | None, limit: int) -> int:
        """See `Store.prune`. Raises Unavailable."""
        oldest_kept = await self._oldest_kept(keep)
        gone = 0
        async for candidates in self._candidates(max(oldest_kept, await self._last_made(before))):
            going = [
                {"id": artifact.id, "indexes": indexes_of(artifact)}
                for position, artifact in candidates
                if (position < oldest_kept or (before is not None and artifact.created_at < before))
                and not await self._is_needed_of_before(position, artifact.id)
            ]
            if going:
                [went] = await self._run("prune", orjson.dumps(going[: limit - gone]).decode())
                gone += went
            if gone >= limit:
                return gone
        self._needed_of_before = None  # read anew the next time: by then less is needed
        return gone

    async def _oldest_kept(self, keep: int | None) -> float:
        """The position before which all may go; 0 when none may for their number."""
        if keep is None:
            return 0
        if keep == 0:
            return float("inf")
        with unavailable():
            answer = await self._client.zrevrange(
                self._prefix + "by:all", keep - 1, keep - 1, withscores=True
            )
        rows = cast(list[tuple[str, float]], answer)
        return rows[0][1] if rows else 0

    async def _last_made(self, before: datetime | None) -> float:
        """The last position at which something made before that time can be."""
        if before is None:
            return 0
        with unavailable():
            lateness = await self._client.get(self._prefix + "lateness")
        return micros(before) + int(lateness or 0)

    async def _candidates(self, last: float) -> AsyncIterator[list[tuple[int, Artifact]]]:
        """What nothing needs, oldest first, step by step."""
        after: str | None = "0"
        while after:
            after, *rows = await self._run("prunable", after, f"{last:.0f}", _LOOKED_AT)
            yield [(int(position), decode(body)) for _, position, body in rows]

    async def _is_needed_of_before(self, position: int, artifact_id: str) -> bool:
        if position > COUNTED:
            return False
        if self._needed_of_before is None:
            self._needed_of_before = await self._read_needed_of_before()
        return artifact_id in self._needed_of_before

    async def _read_needed_of_before(self) -> frozenset[str]:
        """Nothing is added to it later: what is new uses what is new."""
        start = self._prefix + "delivery:"
        needed = set()
        with unavailable():
            async for name, _ in self._client.hscan_iter(self._prefix + "dead", count=_LOOKED_AT):
                needed.add(name.rpartition("@")[0])
            async for key in self._client.scan_iter(f"{start}*", count=_LOOKED_AT):
                needed.add(key.removeprefix(start).rpartition("@")[0])
            # what was given up in between
            async for name, _ in self._client.hscan_iter(self._prefix + "dead", count=_LOOKED_AT):
                needed.add(name.rpartition("@")[0])
        return frozenset(needed)
