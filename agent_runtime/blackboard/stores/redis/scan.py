"""Finding artifacts in Redis by their indexes.

A position is the time of publication, or one more than the position before: never earlier than the artifact
was made, and later by no more than the board's `lateness`. So a walk from one time to another looks only at
what can be of that time. Boards from before that counted positions, and had no index of partitions.
"""

from collections.abc import Iterator
from typing import cast

import redis.asyncio

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.query_filters import fits
from agent_runtime.blackboard.stores.redis.scripts import unavailable
from agent_runtime.blackboard.wire.codec import decode
from agent_runtime.core.times import micros

COUNTED = 2**40
"""Positions up to here were counted, and say nothing of time."""


async def scan(
    client: redis.asyncio.Redis, prefix: str, query: Query, after: int
) -> list[tuple[int, Artifact]]:
    """See `Store.scan`. Raises Unavailable."""
    last = "+inf"
    if query.until is not None:
        with unavailable():
            lateness = await client.get(prefix + "lateness")
        last = f"({micros(query.until) + int(lateness or 0)}"
    found: list[tuple[int, Artifact]] = []
    for index, position, end in _stretches(query, after, last):
        while len(found) < query.limit:
            rows = await _rows(client, prefix, index, position, end, query.limit)
            for position, artifact in rows:
                if artifact is not None and fits(artifact, query) and len(found) < query.limit:
                    found.append((position, artifact))
            if len(rows) < query.limit:
                break
    return found


def _stretches(query: Query, after: int, last: str) -> Iterator[tuple[str, int, str]]:
    """(index, position behind which to begin, last position): what was counted, then what has a time."""
    if after < COUNTED:
        yield _most_selective(query, "correlation", "tag", "producer", "type"), after, f"{COUNTED}"
    index = _most_selective(query, "correlation", "partition", "tag", "producer", "type")
    earliest = 0 if query.since is None else micros(query.since) - 1
    yield index, max(after, COUNTED, earliest), last


def _most_selective(query: Query, *names: str) -> str:
    """The index to walk; the other filters are asked of what it yields."""
    for name in names:
        if (value := getattr(query, name)) is not None:
            return f"{name}:{value}"
    return "all"


async def _rows(
    client: redis.asyncio.Redis, prefix: str, index: str, after: int, last: str, limit: int
) -> list[tuple[int, Artifact | None]]:
    """The next entries of an index; None for what was pruned meanwhile."""
    with unavailable():
        answer = await client.zrangebyscore(
            f"{prefix}by:{index}", f"({after}", last, start=0, num=limit, withscores=True
        )
        rows = cast(list[tuple[str, float]], answer)
        bodies = await client.hmget(prefix + "artifacts", [id_ for id_, _ in rows]) if rows else []
    return [
        (int(position), None if body is None else decode(body))
        for (_, position), body in zip(rows, bodies, strict=True)
    ]
