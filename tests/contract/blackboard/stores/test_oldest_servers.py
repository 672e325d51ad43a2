"""The oldest Redis and Postgres that Covey supports: the tests run on them, and older ones are refused."""

import contextlib
import re
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.durable.stores.open import open_store
from agent_runtime.eventlog.brokers.open import make_log
from agent_runtime.knowledge.vectors.pgvector import PgVectors
from agent_runtime.runs.queue.stores.open import make_queue_store
from agent_runtime.storage import postgres as postgres_schema
from agent_runtime.storage import redis as redis_client
from hack import bare
from tests.contract.servers import PostgresServer, RedisServer
from tests.servers import require

Use = Callable[[str], Awaitable[Any]]


async def _board(url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        store = store_at(url, "tests/oldest")
        stack.push_async_callback(store.close)
        await store.open()
        await store.stats()


async def _run_store(url: str) -> None:
    store = open_store(url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await store.open()
        await store.latest("tests/oldest")


async def _queue(url: str) -> None:
    store = make_queue_store(url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await store.open()
        await store.counts()


async def _event_log(url: str) -> None:
    log = make_log(url, "tests/oldest")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        await log.open()


async def _vectors(url: str) -> None:
    store = PgVectors(url, "tests/oldest")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await store.count("words")


@pytest.mark.parametrize("use", [_board, _run_store, _queue, _event_log])
async def test_an_older_redis_is_refused_by_its_version(
    use: Use, shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await use(shared_redis.url)
    monkeypatch.setattr(redis_client, "OLDEST", (99, 1))
    with pytest.raises(Exception, match=r"the server is Redis \d+\.\d+\.\d+, and Covey needs 99\.1 or newer"):
        await use(shared_redis.url)


@pytest.mark.parametrize("use", [_board, _run_store, _queue, _vectors])
async def test_an_older_postgres_is_refused_by_its_version(
    use: Use, shared_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_schema, "OLDEST", 99)
    with pytest.raises(Exception, match=r"the server is PostgreSQL \d+, and Covey needs 99 or newer"):
        await use(shared_postgres.url)


@pytest.mark.parametrize(
    ("info", "refused"),
    [
        ("# Server\r\nredis_version:6.2.0\r\nredis_mode:standalone\r\n", False),
        ("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n", False),
        ("# Server\r\nredis_version:10.0.0\r\n", False),
        ("# Server\r\nredis_version:unstable\r\n", False),
        ("# Server\r\n", False),
        ("# Server\r\nredis_version:6.0.20\r\n", True),
        ("# Server\r\nredis_version:5.0.14\r\n", True),
    ],
)
def test_versions_of_redis(info: str, refused: bool) -> None:
    expected = pytest.raises(redis_client.TooOld) if refused else contextlib.nullcontext()
    with expected:
        redis_client.check_version(info)


async def test_who_may_not_ask_for_the_version_may_use_the_server(own_redis: RedisServer) -> None:
    client = redis_client.connect(own_redis.url)
    await client.acl_setuser(
        "small", enabled=True, passwords=["+secret"], keys=["*"], channels=["*"], commands=["+@all", "-info"]
    )
    await client.aclose()
    await _board(own_redis.url.replace("redis://", "redis://small:secret@"))


def test_the_servers_of_these_tests_are_the_oldest_on_a_bare_machine() -> None:
    def version(server: str, program: str) -> tuple[int, ...]:
        path = require(server).parent / program
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"(\d+)\.(\d+)", told)
        assert found is not None, told
        return int(found[1]), int(found[2])

    redis, postgres = version("redis", "redis-server"), version("postgres", "postgres")[:1]
    oldest = (redis_client.OLDEST, (postgres_schema.OLDEST,))
    if bare.on():
        assert (redis, postgres) == oldest
    else:
        assert redis >= oldest[0]
        assert postgres >= oldest[1]
