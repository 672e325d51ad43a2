"""Stores that die and come back, and stores that are full."""

import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest
import redis.asyncio

from agent_runtime.durable import (
    RunStore,
    StoreError,
    StoreFull,
    Unavailable,
    open_blocking_store,
    run_durably,
    run_durably_sync,
)
from agent_runtime.durable.stores.postgres.store import PostgresRunStore
from agent_runtime.durable.stores.redis.store import RedisRunStore
from agent_runtime.durable.stores.sqlite.store import BlockingSqliteRunStore
from agent_runtime.flow import AsyncFlow, AsyncNode, Flow, Node
from tests.contract.durable.entries import entry, item, recorded, start
from tests.contract.servers import PostgresServer, RedisServer

NODES = 8
LARGE = "x" * 300_000


@pytest.fixture(params=["redis", "postgres"])
def server(request: pytest.FixtureRequest) -> RedisServer | PostgresServer:
    """A server of the test's own."""
    found: RedisServer | PostgresServer = request.getfixturevalue(f"own_{request.param}")
    return found


@pytest.fixture
async def remote(server: RedisServer | PostgresServer) -> AsyncIterator[RunStore]:
    """A store on that server."""
    kind = RedisRunStore if isinstance(server, RedisServer) else PostgresRunStore
    store = kind(server.url)
    await store.open()
    yield store
    await store.close()


async def test_what_was_answered_survives_the_death_of_the_server(
    server: RedisServer | PostgresServer, remote: RunStore
) -> None:
    writer = await remote.acquire("r", "me", 300)
    for number in range(20):
        await remote.commit(writer, [entry(number)], keep=50)
        await remote.record(writer, [item(number)])
    server.kill()
    with pytest.raises(Unavailable):
        await remote.commit(writer, [entry(20)], keep=50)
    with pytest.raises(Unavailable):
        await remote.latest("r")
    server.start()
    assert [boundary.number for boundary in await remote.history("r")] == list(range(20))
    assert len(await recorded(remote, "r")) == 20
    await remote.commit(writer, [entry(20)], keep=50)


async def test_a_run_waits_for_a_server_that_comes_back(
    server: RedisServer | PostgresServer, remote: RunStore
) -> None:
    ran: list[str | None] = []

    class Step(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            ran.append(self.name)
            if self.name in ("n2", "n5"):
                server.kill()

    nodes = [Step(name=f"n{number}") for number in range(NODES)]
    for before, after in pairwise(nodes):
        before >> after
    store = Restarted(remote, server)
    finished = await run_durably(AsyncFlow(nodes[0]), {}, store=store, run="r", patience=120)
    assert not finished.resumed
    assert store.restarts == 2
    assert ran == [node.name for node in nodes]


class Restarted:
    """The store, beside somebody who starts the server again once it is missed."""

    def __init__(self, store: RunStore, server: RedisServer | PostgresServer) -> None:
        self._store = store
        self._server = server
        self.restarts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, *args: Any, **options: Any) -> None:
        try:
            await self._store.commit(*args, **options)
        except Unavailable:
            self._server.start()
            self.restarts += 1
            raise


class Grow(Node):
    """Makes the checkpoint larger by `LARGE`."""

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> None:
        shared.setdefault("text", []).append(LARGE)


def growing(nodes: int = NODES) -> Flow:
    """A chain that fills the store."""
    first = last = Grow(name="n0")
    for number in range(1, nodes):
        last = last >> Grow(name=f"n{number}")
    return Flow(first)


@contextmanager
def full_sqlite(store: Any) -> Iterator[None]:
    """As on a disk that is full: SQLite says the same."""
    assert isinstance(store, BlockingSqliteRunStore)
    db = store._db
    assert isinstance(db, apsw.Connection)
    db.pragma("max_page_count", db.pragma("page_count") + 200)
    yield
    db.pragma("max_page_count", 1_000_000)


@contextmanager
def full_files(store: Any) -> Iterator[None]:
    """No file may be larger than a megabyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("scheme", "full"), [("sqlite", full_sqlite), ("file", full_files)])
def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(
    scheme: str, full: Callable[[Any], Any], tmp_path: Path
) -> None:
    store = open_blocking_store(f"{scheme}:///{tmp_path}/runs")
    store.open()
    with full(store):
        with pytest.raises(StoreFull, match="make room on the disk, then resume the run"):
            run_durably_sync(growing(), {}, store=store, run="r")
        writer = store.acquire("other", "me", 30)
        large = b'"%s"' % (b"y" * 1_500_000)
        with pytest.raises(StoreFull):
            store.record(writer, [item(0, body=large)])
        assert list(store.records("other", "map", 1)) == []
        latest = store.latest("r")
        assert latest is not None
        assert 0 < latest.boundary.number < NODES
        assert [boundary.number for boundary in store.history("r")] == list(range(latest.boundary.number + 1))
    finished = run_durably_sync(growing(), {}, store=store, run="r")
    assert finished.resumed
    assert finished.shared["text"] == [LARGE] * NODES
    store.close()


async def test_a_full_redis_is_said(own_redis: RedisServer) -> None:
    admin = redis.asyncio.Redis.from_url(own_redis.url)
    store = RedisRunStore(own_redis.url)
    writer = await store.acquire("r", "me", 30)
    await store.commit(writer, [start()], keep=5)
    await admin.config_set("maxmemory", "1")
    with pytest.raises(StoreFull, match="raise maxmemory or make room"):
        await store.commit(writer, [entry(1)], keep=5)
    assert await store.latest("r") == start()
    await admin.config_set("maxmemory", "0")
    await store.commit(writer, [entry(1)], keep=5)
    await store.close()
    await admin.aclose()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_bytes(b"not a database, " * 100)
    with pytest.raises(StoreError, match="the file is damaged; put a backup in its place"):
        open_blocking_store(f"sqlite:///{tmp_path}/runs").open()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-5],
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content.replace(b'"number":1', b'"number":7'),
        lambda content: b"\0" * len(content),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    store = open_blocking_store(f"file:///{tmp_path}")
    store.open()
    writer = store.acquire("r", "me", 30)
    store.commit(writer, [start()], keep=5)
    store.commit(writer, [entry(1)], keep=5)
    [file] = tmp_path.rglob("*1.entries")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(StoreError, match=r"000000000001\.entries is damaged: .* from the boundary before it"):
        store.latest("r")
    file.unlink()
    assert store.latest("r") == start()


def test_records_that_were_being_written_are_cut_off_and_damaged_ones_named(tmp_path: Path) -> None:
    url = f"file:///{tmp_path}"
    store = open_blocking_store(url)
    store.open()
    writer = store.acquire("r", "me", 30)
    store.record(writer, [item(0)])
    store.record(writer, [item(1), item(2)])
    [file] = tmp_path.rglob("map@1")
    whole = file.read_bytes()
    first = whole.index(b"]\n", whole.index(b"\n")) + 2
    for end in range(first, len(whole)):
        file.write_bytes(whole[:end])
        store = open_blocking_store(url)  # as the next process
        assert [index for index, _ in store.records("r", "map", 1)] == [0]
        store.record(writer, [item(3)])
        assert [index for index, _ in store.records("r", "map", 1)] == [0, 3]
    file.write_bytes(whole.replace(b"[0]", b"[7]"))
    with pytest.raises(StoreError, match="map@1: a batch of records is damaged"):
        list(store.records("r", "map", 1))
    store.close()
