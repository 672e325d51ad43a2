"""A key of somebody else's among a board's in Redis: a script happens whole or not at all, and names it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import redis.asyncio

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.stores.errors import Unavailable
from agent_runtime.blackboard.stores.records import Limits, Publication, Snapshot
from agent_runtime.blackboard.stores.redis.store import RedisStore
from tests.contract.boards import Clock, consumes
from tests.contract.inboxes import AGENT, WINDOW, Inboxes, Item, Join, artifact, batch
from tests.contract.planted import Planted, Steps, contents
from tests.contract.servers import RedisServer

BOARD = "tests/planted"
PREFIX = f"covey:{{{BOARD}}}:"
TERMS = Limits(lease=timedelta(seconds=60))
PAIR = Join()
INTO_BATCH = Join(expiry="Deliver", then=batch(2, key="sets"))


@pytest.fixture
async def client(own_redis: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    """The same Redis, as somebody else uses it."""
    async with redis.asyncio.from_url(own_redis.url) as client:
        yield client


@pytest.fixture
async def store(own_redis: RedisServer) -> AsyncIterator[RedisStore]:
    """A board on a Redis of the test's own."""
    store = RedisStore(own_redis.url, BOARD, TERMS)
    yield store
    await store.close()


async def _fill(inboxes: Inboxes) -> tuple[LeaseId, LeaseId]:
    """Something of everything; returns two leases that are held."""
    await inboxes.store.register(Identity("ann"), [consumes()])
    await inboxes.give_up(Item("dead"))
    await inboxes.put(Item("one"), Item("two"))
    one, two = await inboxes.lease()
    await inboxes.put(Item("ready"), Item("later", embargo=5), PAIR.draft("d"), Item("b", batch(2)))
    await inboxes.put(INTO_BATCH.draft("i", "x"), PAIR.review("late", "y", embargo=7))
    await inboxes.publish([Publication(artifact("idle", inboxes.clock.now))])
    return one.lease, two.lease


def _steps(inboxes: Inboxes, one: LeaseId, two: LeaseId) -> Steps:
    store, now = inboxes.store, inboxes.clock.now

    async def acknowledge() -> None:
        version = (await store.subscribers()).version
        made = artifact("result", now, tags=("x",), partition="p")
        await store.acknowledge(one, [Publication(made)], version, now)

    return {
        "publish": lambda: inboxes.put(
            Item("new"), PAIR.review("r"), Item("b2", batch(2)), INTO_BATCH.review("j", "x")
        ),
        "acknowledge": acknowledge,
        "lease": lambda: inboxes.lease(1),
        "extend": lambda: store.extend(one, now),
        "fail": lambda: store.fail(one, "away", now, now),
        "give up": lambda: store.fail(two, "away", None, now),
        "release": lambda: store.release(two, now),
        "sweep": lambda: store.sweep(now + timedelta(seconds=2 * WINDOW + 30)),
        "register": lambda: store.register(Identity("ben"), [consumes()]),
        "unregister": lambda: store.register(Identity("ann"), []),
        "forget": lambda: store.forget(AGENT),
        "replay": lambda: store.replay([f"dead@{AGENT}"], now),
        "drop": lambda: store.drop([f"dead@{AGENT}"]),
        "prune": lambda: store.prune(None, 0, 10),
    }


TOUCHED = {
    "publish": {
        *("artifacts", "position", "lateness", "place", "pending", "uses", "timers", "subscribers:version"),
        *("by:all", "by:type:Finding", "by:producer:scout", "by:correlation:new"),
        *("delivery:new@editor", "delivery:d+0a1b2c3d@editor", "inbox:editor"),
        *("group:editor:0a1b2c3d.key:0", "group:editor:0a1b2c3d.sets:0"),
    },
    "acknowledge": {
        *("artifacts", "position", "timers", "pending", "uses", "by:all", "by:tag:x", "by:partition:p"),
        *("delivery:one@editor", "finished:one@editor~1"),
    },
    "lease": {"inbox:editor", "delivery:ready@editor", "timers", "artifacts"},
    "extend": {"timers", "delivery:one@editor"},
    "give up": {"timers", "delivery:two@editor", "dead", "dead:order", "place", "pending"},
    "sweep": {"timers", "delivery:later@editor", "inbox:editor", "dead", "dead:order", "place", "pending"},
    "register": {"subscribers", "subscribers:order", "subscribers:version", "subscribers:count"},
    "replay": {"dead", "dead:order", "place", "delivery:dead@editor", "pending", "inbox:editor"},
    "drop": {"dead", "dead:order", "uses"},
    "prune": {"artifacts", "uses", "by:all"},
}
"""Some of the keys that a script has to do with, without the prefix."""


async def test_each_script_happens_whole_or_not_at_all(
    store: RedisStore, clock: Clock, client: redis.asyncio.Redis
) -> None:
    inboxes = Inboxes(store, clock)
    leases = await _fill(inboxes)
    planted = Planted(client, alike=b":by:correlation:")
    await planted.keep()
    refused = await planted.refused(_steps(inboxes, *leases), Unavailable)
    for name, keys in TOUCHED.items():
        assert {PREFIX + key for key in keys} <= refused[name], name


async def test_a_restore_happens_whole_or_not_at_all(
    store: RedisStore, clock: Clock, client: redis.asyncio.Redis
) -> None:
    inboxes = Inboxes(store, clock)
    await _fill(inboxes)
    frozen: Snapshot = await store.snapshot()
    await client.flushdb()
    planted = Planted(client)
    await client.set("other", "theirs")
    await planted.keep()
    refused = await planted.refused({"begin": store.begin_restore}, Unavailable)
    assert refused["begin"] == {f"{PREFIX}subscribers:version"}
    assert len(frozen.deliveries) > 5


async def test_values_that_are_none_of_ours_leave_nothing_half_done(
    store: RedisStore, clock: Clock, client: redis.asyncio.Redis
) -> None:
    inboxes = Inboxes(store, clock)
    await _fill(inboxes)
    for key, field in (("place", ""), ("position", ""), ("pending", AGENT), ("uses", "new")):
        kept = await client.dump(PREFIX + key)
        if field:
            await client.hset(PREFIX + key, field, "many")
        else:
            await client.set(PREFIX + key, "many")
        before = await contents(client)
        with pytest.raises(Unavailable):
            await inboxes.put(Item("new"))
        assert await contents(client) == before, key
        assert kept is not None
        await client.restore(PREFIX + key, 0, kept, replace=True)
    await inboxes.put(Item("new"))


async def test_what_was_refused_is_published_and_delivered_once_the_key_is_gone(
    store: RedisStore, clock: Clock, client: redis.asyncio.Redis
) -> None:
    inboxes = Inboxes(store, clock)
    key = f"{PREFIX}inbox:{AGENT}"
    await client.set(key, "theirs")
    for _ in range(2):
        with pytest.raises(Unavailable, match="something else than Covey has put there") as refused:
            await inboxes.put(Item("1"))
        assert key in str(refused.value)
    await client.delete(key)
    await inboxes.put(Item("1"))
    assert await inboxes.handed_out() == [["1"]]
