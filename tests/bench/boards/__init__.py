"""What the benchmarks of the blackboard share: an artifact of three fields, and ways to publish it."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import Board
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.stores.records import Limits

_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "text": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["title", "text", "score"],
}
TYPES = [ArtifactType(name=name, schema_=_SCHEMA) for name in ("Finding", "Other")]
REGISTRY = TypeRegistry(TYPES)
DRAFT = Draft(type="Finding", payload={"title": "a title", "text": "x" * 60, "score": 7})
SCOUT = Identity("scout")
TERMS = Limits(max_pending=10_000_000)
AT_ONCE = 64
"""Callers at the same time, where there are several."""
BATCH = 50


@dataclass(frozen=True)
class Size:
    """How much is done in one repetition, and how often it is repeated; the median counts."""

    artifacts: int
    repeat: int


def size_of(short: bool) -> Size:
    """Of one measurement."""
    return Size(2_000, 3) if short else Size(10_000, 5)


async def rate(size: Size, publish: Callable[[int], Awaitable[None]]) -> float:
    """Artifacts a second, the median of the repetitions."""
    rates = []
    for _ in range(size.repeat):
        began = time.perf_counter()
        await publish(size.artifacts)
        rates.append(size.artifacts / (time.perf_counter() - began))
    return statistics.median(rates)


def one_by_one(board: Board) -> Callable[[int], Awaitable[None]]:
    """By one caller, who waits for each."""

    async def publish(count: int) -> None:
        for _ in range(count):
            await board.publish([DRAFT])

    return publish


async def share(calls: int, call: Callable[[], Awaitable[object]]) -> None:
    """So many calls, by several callers at once."""
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
