"""How fast each store takes artifacts: by itself, and through one server process or two.

What needs a server that is not installed is left out.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.postgres.store import PostgresStore
from agent_runtime.blackboard.stores.redis.store import RedisStore
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from tests.bench.boards import (
    AT_ONCE,
    BATCH,
    DRAFT,
    REGISTRY,
    SCOUT,
    TERMS,
    Size,
    one_by_one,
    rate,
    share,
    size_of,
)
from tests.bench.boards.served import published
from tests.bench.peers import flock_core
from tests.bench.row import Row
from tests.contract.servers import running_postgres, running_redis
from tests.servers import MissingProgram

_COMMIT_BYTES = 31_000
"""What SQLite writes for one artifact that is committed alone: a page for each index."""


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    size = size_of(short)
    peer = flock_core.figures(size.artifacts, size.repeat) or {}
    flock = f"flock-core {flock_core.VERSION}"
    with asyncio.Runner() as runner:
        with tempfile.TemporaryDirectory() as folder:
            store = SqliteStore(Path(folder) / "board.sqlite", TERMS)
            alone, together, batched = runner.run(_durable(store, size))
            syncs = _syncs(Path(folder) / "synced", size.artifacts // 10)
        yield Row("the disk alone, which bounds one caller of SQLite", syncs, "syncs/s")
        yield Row("SQLite, one caller", alone, "artifacts/s", flock, peer.get("sqlite"))
        yield Row(f"SQLite, {AT_ONCE} callers", together, "artifacts/s")
        yield Row(f"SQLite, {AT_ONCE} callers, batches of {BATCH}", batched, "artifacts/s")
        try:
            with tempfile.TemporaryDirectory() as folder, running_redis(Path(folder)) as redis:
                yield from _shared("Redis", runner, size, redis.url)
            with running_postgres() as postgres:
                yield from _shared("Postgres", runner, size, postgres.url)
        except MissingProgram as missing:
            print(f"left out: {missing}", file=sys.stderr)  # noqa: T201 - the table is on stdout


def _syncs(path: Path, count: int) -> float:
    """How often a second what one commit of SQLite writes gets onto the disk."""
    with path.open("wb", buffering=0) as file:
        began = time.perf_counter()
        for _ in range(count):
            file.write(bytes(_COMMIT_BYTES))
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - began)


def _shared(name: str, runner: asyncio.Runner, size: Size, url: str) -> Iterator[Row]:
    store: Store
    if name == "Redis":
        store = RedisStore(url, "bench/durable", TERMS)
    else:
        store = PostgresStore(url, "bench/durable", TERMS)
    alone, together, batched = runner.run(_durable(store, size))
    yield Row(f"{name}, one caller", alone, "artifacts/s")
    yield Row(f"{name}, {AT_ONCE} callers", together, "artifacts/s")
    yield Row(f"{name}, {AT_ONCE} callers, batches of {BATCH}", batched, "artifacts/s")
    for servers in (1, 2):
        single, batched = runner.run(published(name.lower(), url, size, servers))
        through = f"{name} through {servers} server{'s' if servers > 1 else ''}, {AT_ONCE} callers"
        yield Row(through, single, "artifacts/s")
        yield Row(f"{through}, batches of {BATCH}", batched, "artifacts/s")


async def _durable(store: Store, size: Size) -> tuple[float, float, float]:
    """Without a server: (one caller, several, several with batches)."""
    async with BlackboardService(store, REGISTRY) as service:
        board = service.board(SCOUT)
        batch = [DRAFT] * BATCH
        return (
            await rate(size, one_by_one(board)),
            await rate(size, lambda count: share(count, lambda: board.publish([DRAFT]))),
            await rate(size, lambda count: share(count // BATCH, lambda: board.publish(batch))),
        )
