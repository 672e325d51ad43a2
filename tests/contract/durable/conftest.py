"""Run stores of every kind, with a clock that is set by hand."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agent_runtime.durable import RunStore
from agent_runtime.durable.stores.file.store import BlockingFileRunStore
from agent_runtime.durable.stores.postgres.store import PostgresRunStore
from agent_runtime.durable.stores.redis.store import RedisRunStore
from agent_runtime.durable.stores.sqlite.store import SqliteRunStore
from agent_runtime.durable.stores.threaded import ThreadedRunStore
from tests.clocks import ManualClock
from tests.contract.runs.queue.serving import on_sqlite
from tests.contract.servers import (
    PostgresServer,
    RedisServer,
    own_postgres,
    own_redis,
    shared_postgres,
    shared_redis,
)

__all__ = ["own_postgres", "own_redis", "shared_postgres", "shared_redis"]

Connect = Callable[[], Awaitable[RunStore]]
"""Opens another store on the same data, as another process would; it is closed with the test."""


@pytest.fixture
def clock() -> ManualClock:
    """Stands still until it is advanced."""
    return ManualClock()


@pytest.fixture
def run() -> str:
    """The id of a run that no other test has."""
    return f"tests/run {{{uuid.uuid4()}}}/é"


@pytest.fixture(params=["sqlite", "file", "redis", "postgres", "http"])
async def connect(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Connect]:
    """A place for runs."""
    async with AsyncExitStack() as stack:
        make = await _place(request, tmp_path, clock, stack)

        async def connect() -> RunStore:
            store = make()
            await store.open()
            stack.push_async_callback(store.close)
            return store

        yield connect


@pytest.fixture
async def store(connect: Connect) -> RunStore:
    """One open store."""
    return await connect()


async def _place(
    request: pytest.FixtureRequest, folder: Path, clock: ManualClock, stack: AsyncExitStack
) -> Callable[[], RunStore]:
    match request.param:
        case "sqlite":
            return lambda: SqliteRunStore(folder / "runs.sqlite", clock)
        case "file":
            return lambda: ThreadedRunStore(BlockingFileRunStore(folder, clock))
        case "redis":
            redis: RedisServer = request.getfixturevalue("shared_redis")
            return lambda: RedisRunStore(redis.url, clock)
        case "postgres":
            postgres: PostgresServer = request.getfixturevalue("shared_postgres")
            return lambda: PostgresRunStore(postgres.url, clock)
        case _:
            server = await stack.enter_async_context(on_sqlite(folder, clock))
            return server.store
