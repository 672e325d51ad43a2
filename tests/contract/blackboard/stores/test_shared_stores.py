"""What only a shared store has: several servers on it, and its own death."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from agent_runtime.blackboard.board import BoardError, Delivery, Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.postgres.store import PostgresStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.blackboard.stores.redis.store import RedisStore
from tests.contract.boards import (
    ADMIN,
    EDITOR,
    REGISTRY,
    SCOUT,
    Clock,
    consumes,
    finding,
    on_shared_stores,
    report,
)
from tests.contract.conftest import Boards
from tests.contract.inboxes import MICROSECOND, WINDOW, Inboxes, Item, Join, batch, ids, publication
from tests.contract.servers import PostgresServer, RedisServer


@on_shared_stores
async def test_what_one_server_takes_in_another_hands_out(boards: Boards) -> None:
    here, there = await boards.start(), await boards.start()
    await here.board(SCOUT).publish([finding(id="0")])  # `here` has read that nobody subscribes
    await there.board(EDITOR).subscribe([consumes()])
    waiting = asyncio.create_task(there.board(EDITOR).lease(1, 60))
    await here.board(SCOUT).publish([finding(id="1")])
    [delivery] = await waiting
    assert delivery.artifacts[0].id == "1"


@on_shared_stores
async def test_two_servers_never_hand_out_one_delivery_twice(boards: Boards) -> None:
    servers = [await boards.start(), await boards.start()]
    editors = [server.board(EDITOR) for server in servers]
    await editors[0].subscribe([consumes(delivery="Exclusive")])
    published = 0
    taken: list[str] = []
    for _ in range(10):
        await asyncio.gather(*(server.board(SCOUT).publish([finding()]) for server in servers * 2))
        published += 4
        for deliveries in await asyncio.gather(*(editor.lease(3, 0) for editor in editors * 2)):
            for delivery in deliveries:
                taken.append(delivery.artifacts[0].id)
                await editors[1].acknowledge(delivery.id, [])
    assert len(taken) == len(set(taken)) == published


@on_shared_stores
async def test_an_acknowledgement_that_arrives_at_two_servers_publishes_once(boards: Boards) -> None:
    servers = [await boards.start(), await boards.start()]
    await servers[0].board(EDITOR).subscribe([consumes()])
    await servers[0].board(SCOUT).publish([finding()])
    [delivery] = await servers[1].board(EDITOR).lease(1, 0)
    both = await asyncio.gather(*(one.board(EDITOR).acknowledge(delivery.id, [report()]) for one in servers))
    assert both[0] == both[1]
    assert (await servers[0].stats()).artifacts == 2


@on_shared_stores
async def test_positions_become_visible_in_their_order(boards: Boards) -> None:
    """Whoever follows one server while others publish misses nothing."""
    servers = [await boards.start() for _ in range(3)]
    reader = await boards.start()
    followed: list[str] = []

    async def follow() -> None:
        async for _, artifact in reader.follow(ADMIN, Query()):
            followed.append(artifact.id)
            if len(followed) == 120:
                return

    following = asyncio.create_task(follow())
    await asyncio.gather(
        *(servers[n % 3].board(SCOUT).publish([finding(id=f"{n}-{m}") for m in range(2)]) for n in range(60))
    )
    async with asyncio.timeout(60):
        await following
    assert len(set(followed)) == 120


Server = RedisServer | PostgresServer


@pytest.fixture(params=["redis", "postgres"])
def server(request: pytest.FixtureRequest) -> Server:
    """A server of the test's own."""
    found: Server = request.getfixturevalue(f"own_{request.param}")
    return found


def store_on(server: Server) -> Store:
    kind = RedisStore if isinstance(server, RedisServer) else PostgresStore
    return kind(server.url, "tests/own", Limits())


def service_on(server: Server) -> BlackboardService:
    return BlackboardService(store_on(server), REGISTRY)


async def lease_patiently(service: BlackboardService, limit: int) -> list[Delivery]:
    """As clients do: again when the store was away for a moment, which lets those go who wait."""
    while True:
        try:
            if deliveries := await service.board(EDITOR).lease(limit, 60):
                return deliveries
        except BoardError as error:
            if error.status != 503:
                raise


async def test_nothing_answered_is_lost_when_the_store_is_killed(server: Server) -> None:
    async with service_on(server) as service:
        await service.board(EDITOR).subscribe([consumes()])
        answered: list[str] = []
        for n in range(300):
            answered += [one.id for one in await service.board(SCOUT).publish([finding(id=f"{n}")])]
        [held] = await service.board(EDITOR).lease(1, 0)
        server.kill()
        with pytest.raises(BoardError) as refused:
            await service.board(SCOUT).publish([finding(id="while-away")])
        assert (refused.value.code, refused.value.status) == ("store_unavailable", 503)
        server.start()
        assert [
            artifact.id for artifact in (await service.board(ADMIN).query(Query(limit=1000))).artifacts
        ] == answered
        await service.board(EDITOR).acknowledge(held.id, [])
        assert (await service.stats()).pending == {"editor": len(answered) - 1}
        assert len(await lease_patiently(service, 1000)) == len(answered) - 1


@asynccontextmanager
async def inboxes_on(server: Server, clock: Clock) -> AsyncIterator[Inboxes]:
    store = store_on(server)
    await store.open()
    try:
        yield Inboxes(store, clock)
    finally:
        await store.close()


async def test_what_waits_in_groups_outlives_the_death_of_the_store(server: Server, clock: Clock) -> None:
    pair, pairs = Join(), Join(then=batch(2))
    async with inboxes_on(server, clock) as inboxes:
        [letter] = await inboxes.give_up(Item("dead"))
        await inboxes.put(pair.draft("d"), pair.review("alone", "other"), Item("later", batch(2), embargo=5))
        await inboxes.put(pairs.draft("d1", "x"), pairs.review("r1", "x"), pairs.draft("d2", "y"))
        server.kill()
        with pytest.raises(Unavailable):
            await inboxes.store.publish([publication(pair.review("r"), clock.now)], 0)
        with pytest.raises(Unavailable):
            await inboxes.store.sweep(clock.now)
        server.start()
        await inboxes.put(pair.review("r"), pairs.review("r2", "y"))
        assert await inboxes.store.replay([letter.delivery], clock.now) == [letter]
        leased = await inboxes.lease()
        assert [(ids(one), one.sets) for one in leased] == [
            (["d", "r"], ()),
            (["d1", "r1", "d2", "r2"], (2, 2)),
            (["dead"], ()),
        ]
        for one in leased:
            await inboxes.acknowledge(one)
        assert (await inboxes.wait(5)).next_due == clock.now + timedelta(seconds=WINDOW - 5) + MICROSECOND
        assert [one.artifact_ids for one in (await inboxes.wait(WINDOW)).dead] == [("alone",)]
        assert await inboxes.store.prune(None, 0, 100) == 7


async def test_a_server_that_starts_before_its_store_says_so(server: Server) -> None:
    server.stop()
    async with service_on(server) as service:
        with pytest.raises(BoardError, match="does not answer"):
            await service.stats()
        server.start()
        assert (await service.stats()).artifacts == 0


async def test_a_killed_store_still_wakes_those_who_wait(server: Server) -> None:
    async with service_on(server) as here, service_on(server) as there:
        await there.board(EDITOR).subscribe([consumes()])
        waiting = asyncio.create_task(lease_patiently(there, 1))
        await asyncio.sleep(0)
        server.kill()
        server.start()
        await here.board(SCOUT).publish([finding(id="1")])
        [delivery] = await waiting
        assert delivery.artifacts[0].id == "1"
