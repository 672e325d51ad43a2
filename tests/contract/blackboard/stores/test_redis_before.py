"""A board in Redis as the first release wrote it: it goes on working, and loses nothing.

It counted positions, had no index of partitions, knew no groups, and did not count what uses an artifact.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count

import orjson
import pytest
import redis.asyncio

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.records import Publication
from agent_runtime.blackboard.stores.redis.store import RedisStore
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.core.times import micros
from tests.contract.boards import Clock
from tests.contract.conftest import TERMS
from tests.contract.inboxes import AGENT, Inboxes, Item, Join, artifact, ids
from tests.contract.servers import RedisServer

BOARD = "tests/before"
OLD = ("ready", "held", "later", "dead", "idle")


class Before:
    """Writes what the first release wrote."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._positions = count(1)

    def _key(self, name: str) -> str:
        return f"covey:{{{BOARD}}}:{name}"

    async def artifact(self, one: Artifact) -> None:
        """An artifact with its indexes."""
        position = next(self._positions)
        await self._client.set(self._key("position"), position)
        await self._client.hset(self._key("artifacts"), one.id, encode(one))
        indexes = ("all", f"type:{one.type}", f"correlation:{one.correlation}", f"producer:{one.producer}")
        for index in indexes:
            await self._client.zadd(self._key(f"by:{index}"), {one.id: position})

    async def delivery(self, id_: str, *, attempt: int = 0, timer: datetime | None = None) -> None:
        """One that is ready; with a timer, held when it was leased, else waiting."""
        name, rank = f"{id_}@{AGENT}", await self._client.incr(self._key("place"))
        fields: list[str | int] = ["agent", AGENT, "artifacts", orjson.dumps([id_]).decode(), "rank", rank]
        fields += ["attempt", attempt, "held", int(attempt > 0)]
        await self._client.hset(self._key(f"delivery:{name}"), items=fields)
        await self._client.hincrby(self._key("pending"), AGENT, 1)
        if timer is None:
            await self._client.zadd(self._key(f"inbox:{AGENT}"), {name: rank})
        else:
            await self._client.zadd(self._key("timers"), {name: micros(timer)})
            await self._client.hset(self._key(f"delivery:{name}"), "until", micros(timer))

    async def letter(self, id_: str, at: datetime) -> None:
        """A dead letter."""
        name = f"{id_}@{AGENT}"
        letter = {
            "delivery": name,
            "agent": AGENT,
            "artifacts": orjson.dumps([id_]).decode(),
            "attempts": 3,
            "error": "hopeless",
            "at": str(micros(at)),
        }
        await self._client.hset(self._key("dead"), name, orjson.dumps(letter))
        place = await self._client.incr(self._key("place"))
        await self._client.zadd(self._key("dead:order"), {name: place})


@pytest.fixture
async def inboxes(own_redis: RedisServer, clock: Clock) -> AsyncIterator[Inboxes]:
    """A board with one delivery in each state, and an artifact that nothing needs."""
    async with redis.asyncio.from_url(own_redis.url) as client:
        before = Before(client)
        for name in OLD:
            await before.artifact(artifact(name, clock.now, partition="p"))
        await before.delivery("ready")
        await before.delivery("held", attempt=1, timer=clock.now + timedelta(seconds=30))
        await before.delivery("later", timer=clock.now + timedelta(seconds=60))
        await before.letter("dead", clock.now)
    store = RedisStore(own_redis.url, BOARD, TERMS)
    yield Inboxes(store, clock)
    await store.close()


async def found(inboxes: Inboxes, query: Query) -> list[str]:
    return [one.id for _, one in await inboxes.store.scan(query, 0)]


async def test_its_deliveries_go_on(inboxes: Inboxes) -> None:
    await inboxes.acknowledge(await inboxes.lease_one())
    swept = await inboxes.wait(30)
    assert swept.expired == (f"held@{AGENT}",)
    again = await inboxes.lease_one()
    assert (ids(again), again.lease.attempt, again.sets) == (["held"], 2, ())
    await inboxes.acknowledge(again)
    await inboxes.wait(30)
    later = await inboxes.lease_one()
    assert ids(later) == ["later"]
    assert await inboxes.fail(later, retry=False) is not None
    assert await inboxes.pending() == {}


async def test_its_dead_letters_are_read_replayed_and_dropped(inboxes: Inboxes) -> None:
    assert [letter.attempts for letter in await inboxes.store.dead_letters(10, AGENT)] == [3]
    assert await inboxes.store.replay([f"dead@{AGENT}"], inboxes.clock.now)
    ready, replayed = await inboxes.lease()
    assert (ids(ready), ids(replayed), replayed.lease.attempt) == (["ready"], ["dead"], 4)
    letter = await inboxes.fail(replayed, retry=False)
    assert letter is not None
    assert await inboxes.store.drop([letter.delivery]) == 1


async def test_its_artifacts_are_found_with_the_new_ones(inboxes: Inboxes) -> None:
    inboxes.clock.advance(1)
    await inboxes.publish([Publication(artifact("new", inboxes.clock.now, partition="p"))])
    now = inboxes.clock.now
    everything = [*OLD, "new"]
    assert await found(inboxes, Query()) == everything
    assert await found(inboxes, Query(partition="p")) == everything
    assert await found(inboxes, Query(type="Finding", limit=3)) == everything[:3]
    assert await found(inboxes, Query(since=now - timedelta(seconds=1))) == everything
    assert await found(inboxes, Query(since=now)) == ["new"]
    assert await found(inboxes, Query(until=now)) == list(OLD)
    pages = []
    position = 0
    while page := await inboxes.store.scan(Query(limit=4), position):
        pages.append([one.id for _, one in page])
        position = page[-1][0]
    assert pages == [everything[:4], everything[4:]]


@pytest.mark.parametrize("new_first", [False, True], ids=["as it is", "after new ones came"])
async def test_what_is_needed_of_it_is_not_pruned(inboxes: Inboxes, new_first: bool) -> None:
    new = 0
    if new_first:
        await inboxes.put(Join().draft("new"), Item("1"))
        await inboxes.publish([Publication(artifact("new-idle", inboxes.clock.now))])
        new = 1
    assert await inboxes.store.prune(None, 0, 100) == 1 + new
    assert [one is not None for one in await inboxes.store.get(OLD)] == [True, True, True, True, False]


async def test_what_is_no_longer_needed_of_it_is_pruned(inboxes: Inboxes) -> None:
    assert await inboxes.store.prune(None, 0, 100) == 1
    await inboxes.acknowledge(await inboxes.lease_one())
    await inboxes.store.replay([f"dead@{AGENT}"], inboxes.clock.now)
    assert await inboxes.store.prune(None, 0, 100) == 1
    assert await inboxes.store.forget(AGENT) == 3
    assert await inboxes.store.prune(None, 0, 100) == 3
    assert (await inboxes.store.stats()).artifacts == 0


async def test_it_may_be_forgotten(inboxes: Inboxes) -> None:
    assert await inboxes.store.forget(AGENT) == 3
    assert await inboxes.pending() == {}
    assert (await inboxes.wait(100)).ready == ()
    assert [letter.delivery for letter in await inboxes.store.dead_letters(10)] == [f"dead@{AGENT}"]
