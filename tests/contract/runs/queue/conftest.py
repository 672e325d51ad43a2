"""Queues on every store and over HTTP, and a server on SQLite."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from agent_runtime.runs.queue.port import RunQueue
from agent_runtime.runs.queue.queue import StoredQueue
from agent_runtime.runs.queue.stores.port import QueueStore
from agent_runtime.runs.queue.stores.postgres import PostgresQueueStore
from agent_runtime.runs.queue.stores.redis import RedisQueueStore
from agent_runtime.runs.queue.stores.sqlite import SqliteQueueStore
from tests.clocks import ManualClock
from tests.contract.runs.queue.serving import Server, on_sqlite
from tests.contract.servers import PostgresServer, RedisServer, shared_postgres

__all__ = ["shared_postgres"]

_numbers = itertools.count(1)

Connect = Callable[[], QueueStore]
"""Makes a new connection to the same queue."""


@pytest.fixture
def clock() -> ManualClock:
    """Stands still until it is advanced."""
    return ManualClock()


async def new_database(server: PostgresServer) -> str:
    """The URL of a database of the test's own."""
    name = f"queue_{next(_numbers)}"
    connection = await asyncpg.connect(server.url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"{server.url.rpartition('/')[0]}/{name}"


async def place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Connect:
    """A place for a queue, without runs yet."""
    match kind:
        case "sqlite":
            return lambda: SqliteQueueStore(folder / "queue.sqlite")
        case "redis":
            redis: RedisServer = request.getfixturevalue("shared_redis")
            prefix = f"tests:{{queue-{next(_numbers)}}}:"
            return lambda: RedisQueueStore(redis.url, prefix=prefix)
        case _:
            url = await new_database(request.getfixturevalue("shared_postgres"))
            return lambda: PostgresQueueStore(url)


@pytest.fixture(params=["sqlite", "redis", "postgres"])
async def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    """Every store that keeps a queue."""
    return await place(request.param, request, tmp_path)


@pytest.fixture
async def server(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Server]:
    """A server on SQLite, of the test's own."""
    async with on_sqlite(tmp_path, clock) as running:
        yield running


@pytest.fixture(params=["sqlite", "redis", "postgres", "http"])
async def queue(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[RunQueue]:
    """A queue, whatever lies beneath."""
    async with AsyncExitStack() as stack:
        if request.param == "http":
            running = await stack.enter_async_context(on_sqlite(tmp_path, clock))
            yield running.queue(clock=clock)
        else:
            store = (await place(request.param, request, tmp_path))()
            yield await stack.enter_async_context(StoredQueue(store, clock=clock))
