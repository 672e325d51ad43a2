"""Several servers on one store, servers that are killed, and stores that go away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from agent_runtime.auth.run_tokens import mint
from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.durable.port import Boundary, Entry, Record, RunHeld, Unavailable
from agent_runtime.durable.stores.open import open_store
from agent_runtime.runs.queue.client import HttpQueue
from agent_runtime.runs.queue.queue import StoredQueue
from agent_runtime.runs.queue.stores.open import make_queue_store
from tests.contract.runs.queue.conftest import new_database
from tests.contract.runs.queue.processes import running
from tests.contract.runs.queue.serving import KEY, OPERATOR, QUEUE, serving
from tests.contract.servers import RedisServer, free_port

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
PATIENCE = 120.0
"""Seconds; longer than any server takes to start."""


@asynccontextmanager
async def client(url: str) -> AsyncIterator[tuple[HttpRunStore, HttpQueue]]:
    """The operator's store and queue."""
    async with AsyncExitStack() as stack:
        store = HttpRunStore(url, mint(KEY, OPERATOR), patience=PATIENCE)
        queue = HttpQueue(url, mint(KEY, OPERATOR), patience=PATIENCE)
        stack.push_async_callback(store.close)
        stack.push_async_callback(queue.close)
        yield store, queue


def entry(number: int) -> Entry:
    """A boundary that says its number."""
    return Entry(Boundary(number, "draft", number, None, AT), b'{"number":%d}' % number)


@pytest.fixture(params=["redis", "postgres"])
async def shared_url(request: pytest.FixtureRequest) -> str:
    """The URL of a store that several servers may share."""
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("own_redis")
        return redis.url
    return await new_database(request.getfixturevalue("shared_postgres"))


async def test_two_servers_on_one_store_are_one(shared_url: str) -> None:
    async with (
        running(shared_url, 2) as (one, two),
        client(one.url) as (here, queue_here),
        client(two.url) as (there, queue_there),
    ):
        writer = await here.acquire("news/a/1", "pod-1", 60)
        with pytest.raises(RunHeld):
            await there.acquire("news/a/1", "pod-2", 60)
        await there.commit(writer, [entry(0)], keep=3)
        assert await here.latest("news/a/1") == entry(0)

        waiting = asyncio.create_task(queue_there.take(QUEUE, "worker-2", 60, wait=30))
        following = asyncio.create_task(queue_there.changes(0, 10, wait=30))
        assert await queue_here.submit("news/a/1", QUEUE, b"{}")
        assert not await queue_there.submit("news/a/1", QUEUE, b"{}")
        ticket = await waiting
        assert ticket is not None
        assert [run for _, run in await following] == ["news/a/1"]
        await queue_here.finish(ticket, b"{}")
        state = await queue_there.state("news/a/1")
        assert state is not None
        assert state.state == "Ended"

        runs = [f"news/many/{number}" for number in range(40)]
        await asyncio.gather(
            *((queue_here, queue_there)[n % 2].submit(run, QUEUE, b"") for n, run in enumerate(runs))
        )

        async def work(queue: HttpQueue, holder: str) -> list[str]:
            done = []
            while ticket := await queue.take(QUEUE, holder, 60):
                await queue.finish(ticket, b"{}")
                done.append(ticket.run)
            return done

        workers = [work(queue, f"w-{n}") for n, queue in enumerate([queue_here, queue_there] * 3)]
        worked = await asyncio.gather(*workers)
        assert sorted(run for each in worked for run in each) == sorted(runs)
        assert len(await queue_here.changes(0, 1000)) == len(runs) + 1


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_under_load(tmp_path: Path) -> None:
    dice = Random(7)
    url = f"sqlite:///{tmp_path / 'runs.sqlite'}"
    async with running(url) as (server,), client(server.url) as (store, queue):
        acknowledged: dict[str, int] = {}
        finished: set[str] = set()
        load = True

        async def write(run: str) -> None:
            writer = await store.acquire(run, "pod", 600)
            number = 0
            while load:
                await store.record(writer, [Record("each", number + 1, 0, b"{}")])
                await store.commit(writer, [entry(number)], keep=1000, drop=[("each", number)])
                acknowledged[run] = number
                number += 1

        async def submit_and_finish(name: str) -> None:
            number = 0
            while load:
                run = f"{name}/{number}"
                await queue.submit(run, QUEUE, b"")
                ticket = await queue.take(QUEUE, name, 600)
                assert ticket is not None
                await queue.finish(ticket, b'{"by":"%b"}' % name.encode())
                finished.add(ticket.run)
                number += 1

        writing = [asyncio.create_task(write(f"news/a/{n}")) for n in range(8)]
        working = [asyncio.create_task(submit_and_finish(f"news/w{n}")) for n in range(4)]
        for _ in range(5):
            goal = sum(acknowledged.values()) + len(finished) + dice.randrange(30, 90)
            async with asyncio.timeout(120):
                while sum(acknowledged.values()) + len(finished) < goal:  # noqa: ASYNC110 - two kinds of work
                    await asyncio.sleep(0.005)
            await server.kill()
            await server.start()
        load = False
        await asyncio.gather(*writing, *working)

        for run, number in acknowledged.items():
            kept = await store.history(run)
            assert [boundary.number for boundary in kept] == list(range(number + 1))
            assert await store.latest(run) == entry(number)
            assert await store.count_records(run, "each", number) == 0
            assert await store.count_records(run, "each", number + 1) == 1
        for run in finished:
            state = await queue.state(run)
            assert state is not None
            assert (state.state, state.attempts) == ("Ended", 1)


async def test_a_store_that_is_away_is_503_and_comes_back(own_redis: RedisServer) -> None:
    store, queue = open_store(own_redis.url), StoredQueue(make_queue_store(own_redis.url))
    async with serving(store, queue) as server:
        patient, hasty = server.store(patience=PATIENCE), server.store(patience=0)
        writer = await patient.acquire("news/a/1", "pod-1", 600)
        own_redis.kill()
        for method, path in (
            ("GET", "/v1/history?run=news/a/1"),
            ("GET", "/v1/records?run=news/a/1&path=each&visit=1"),
            ("POST", f"/v1/tickets?queue={QUEUE}&holder=w&ttl=30&wait=1"),
            ("GET", "/readyz"),
        ):
            answer = await server.call(method, path)
            assert answer.status_code == 503, path
            assert int(answer.headers["retry-after"]) >= 1
        assert (await server.call("GET", "/healthz")).status_code == 200
        with pytest.raises(Unavailable, match="cannot do it now"):
            await hasty.commit(writer, [entry(0)], keep=3)
        committing = asyncio.create_task(patient.commit(writer, [entry(0)], keep=3))
        await asyncio.sleep(0)
        own_redis.start()
        await committing
        assert await patient.latest("news/a/1") == entry(0)
        assert (await server.call("GET", "/readyz")).status_code == 200


async def test_a_server_that_is_away_is_named() -> None:
    async with running_nowhere() as store:
        with pytest.raises(Unavailable, match=r"the runs server at http://127.0.0.1:\d+ does not answer"):
            await store.latest("news/a/1")


@asynccontextmanager
async def running_nowhere() -> AsyncIterator[HttpRunStore]:
    """A client of a server that does not exist."""
    store = HttpRunStore(f"http://127.0.0.1:{free_port()}", "token", patience=0)
    yield store
    await store.close()
