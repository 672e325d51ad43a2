"""What only Redis has: memory that ends, scripts that may be gone, steps that must stay short."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import redis.asyncio

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.errors import LeaseLost, Unavailable
from agent_runtime.blackboard.stores.records import Limits, Publication
from agent_runtime.blackboard.stores.redis.store import RedisStore
from tests.contract.boards import Clock, consumes
from tests.contract.inboxes import AGENT, WINDOW, Inboxes, Item, Join, artifact, batch, ids
from tests.contract.servers import RedisServer

BOARD = "tests/own"
PREFIX = f"covey:{{{BOARD}}}:"
PAIR = Join()
STEP = 1000
"""How much a sweep does at once."""


@pytest.fixture
async def inboxes(own_redis: RedisServer, clock: Clock) -> AsyncIterator[Inboxes]:
    """Inboxes that hold as much as in production, on a Redis of the test's own."""
    store = RedisStore(own_redis.url, BOARD, Limits())
    yield Inboxes(store, clock)
    await store.close()


@pytest.fixture
async def client(own_redis: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    """The same Redis, as its administrator sees it."""
    async with redis.asyncio.from_url(own_redis.url, decode_responses=True) as client:
        yield client


async def contents(client: redis.asyncio.Redis) -> dict[str, bytes | None]:
    """All that is in it."""
    return {key: await client.dump(key) async for key in client.scan_iter()}


async def fill(client: redis.asyncio.Redis) -> None:
    """Let it have no memory for more than it holds."""
    await client.config_set("maxmemory-policy", "noeviction")
    await client.config_set("maxmemory", "1")


async def test_what_memory_is_too_small_for_is_refused_whole(
    inboxes: Inboxes, client: redis.asyncio.Redis
) -> None:
    await inboxes.put(Item("work"), PAIR.draft("d"))
    work = await inboxes.lease_one()
    await fill(client)
    before = await contents(client)
    for step in (
        inboxes.put(Item("1")),
        inboxes.put(PAIR.review("r")),
        inboxes.acknowledge(work, Item("2")),
        inboxes.store.register(Identity(AGENT), [consumes()]),
        inboxes.store.ping(),
    ):
        with pytest.raises(Unavailable, match="OutOfMemory"):
            await step
    assert await contents(client) == before
    await client.config_set("maxmemory", "0")
    assert ids((await inboxes.store.lease(AGENT, 1, inboxes.clock.now) or [work])[0]) == ["work"]
    await inboxes.put(PAIR.review("r"))
    await inboxes.acknowledge(work, Item("2"))
    assert await inboxes.handed_out() == [["d", "r"], ["2"]]


async def test_work_that_is_under_way_goes_on_when_memory_is_full(
    inboxes: Inboxes, client: redis.asyncio.Redis
) -> None:
    await inboxes.put(*(Item(name) for name in "abcd"), PAIR.draft("alone"), Item("later", embargo=5))
    await inboxes.publish([Publication(artifact("idle", inboxes.clock.now))])
    await fill(client)
    done, given_back, given_up, abandoned = await inboxes.lease()
    await inboxes.acknowledge(done)
    await inboxes.fail(given_back)
    await inboxes.fail(given_up, retry=False)
    await inboxes.store.extend(abandoned.lease, inboxes.clock.now)
    swept = await inboxes.wait(WINDOW + 1)
    assert (swept.expired, [letter.artifact_ids for letter in swept.dead]) == (("d@editor",), [("alone",)])
    assert await inboxes.handed_out() == [["b"], ["d"], ["later"]]
    assert len(await inboxes.store.replay(["c@editor"], inboxes.clock.now)) == 1
    assert await inboxes.store.prune(None, 0, 100) == 2
    assert await inboxes.store.forget(AGENT) == 4


async def test_scripts_that_redis_has_forgotten_are_sent_again(
    inboxes: Inboxes, client: redis.asyncio.Redis
) -> None:
    await inboxes.put(Item("1"))
    await client.script_flush()
    await asyncio.gather(
        *(inboxes.put(Item(f"{n}")) for n in range(2, 10)), inboxes.store.sweep(inboxes.clock.now)
    )
    assert len(await inboxes.handed_out()) == 9


async def test_one_refusal_is_not_that_of_what_was_asked_at_the_same_time(inboxes: Inboxes) -> None:
    stale = inboxes.store.publish([Publication(artifact("stale", inboxes.clock.now))], 17)
    outcomes = await asyncio.gather(
        inboxes.put(Item("1")), stale, inboxes.put(Item("2")), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType", "StaleSubscribers", "NoneType"]
    assert await inboxes.handed_out() == [["1"], ["2"]]


async def test_many_more_callers_than_connections(inboxes: Inboxes) -> None:
    await asyncio.gather(*(inboxes.put(Item(f"{n}")) for n in range(500)))
    assert len(await inboxes.lease(1000)) == 500


async def sweep_until_done(inboxes: Inboxes) -> list[int]:
    """How many deliveries became ready by each sweep."""
    steps = []
    ready = 0
    while True:
        swept = await inboxes.store.sweep(inboxes.clock.now)
        now_ready = len(await inboxes.lease(100_000))
        steps.append(now_ready)
        ready += now_ready
        if swept.next_due is None or swept.next_due > inboxes.clock.now:
            return steps


async def test_a_sweep_is_a_short_step_and_the_next_is_due_at_once(inboxes: Inboxes) -> None:
    count = 2 * STEP + 500
    await inboxes.put(*(Item(f"{n}", embargo=5) for n in range(count)))
    inboxes.clock.advance(5)
    assert await sweep_until_done(inboxes) == [STEP, STEP, 500]


async def test_so_is_one_that_ends_great_groups(inboxes: Inboxes) -> None:
    for n in range(3):
        await inboxes.put(*(Item(f"{n}-{m}", batch(1000, key=f"{n}")) for m in range(900)))
    inboxes.clock.advance(WINDOW + 1)
    assert await sweep_until_done(inboxes) == [2, 1]


async def test_a_batch_may_have_more_than_one_command_takes(inboxes: Inboxes) -> None:
    """Lua's stack holds 8000 values."""
    for n in range(9):
        await inboxes.put(*(Item(f"{n}-{m}", batch(9_000)) for m in range(1000)))
    leased = await inboxes.lease_one()
    assert len(leased.artifacts) == 9_000
    assert await inboxes.pending() == {AGENT: 1}
    await inboxes.acknowledge(leased)
    assert await inboxes.store.prune(None, 0, 20_000) == 9_000


async def test_forgetting_a_great_inbox_takes_several_steps(
    inboxes: Inboxes, client: redis.asyncio.Redis
) -> None:
    count = STEP + 200
    await inboxes.put(*(Item(f"ready-{n}") for n in range(count)))
    await inboxes.put(*(Item(f"later-{n}", embargo=5) for n in range(2 * count)))
    await inboxes.put(*(Item(f"other-{n}", embargo=5, agent="other") for n in range(2 * count)))
    await inboxes.put(*(PAIR.draft(f"draft-{n}", key=f"{n}") for n in range(count)))
    [held] = await inboxes.lease(1)
    assert await inboxes.store.forget(AGENT) == 4 * count
    with pytest.raises(LeaseLost):
        await inboxes.acknowledge(held)
    assert await inboxes.pending() == {"other": 2 * count}
    assert await client.zcard(PREFIX + "timers") == 2 * count
    assert [key async for key in client.scan_iter(f"*group:{AGENT}*")] == []


async def test_what_is_over_leaves_no_key_behind(inboxes: Inboxes, client: redis.asyncio.Redis) -> None:
    """Counters only; those of finished leases go by themselves."""
    then = Join(then=batch(2), expiry="Drop")
    await inboxes.put(Item("alone"), PAIR.draft("d1", "x"), PAIR.review("r1", "x"), then.draft("d2"))
    await inboxes.put(Item("later", embargo=5), then.review("r2"), then.draft("d3"), then.draft("d4", "y"))
    await inboxes.publish([Publication(artifact("full", inboxes.clock.now, tags=("a", "b"), partition="p"))])
    for leased in await inboxes.lease():
        await inboxes.acknowledge(leased)
    await inboxes.wait(WINDOW, micros=1)
    late, batched = await inboxes.lease()
    await inboxes.acknowledge(late)
    letter = await inboxes.fail(batched, retry=False)
    assert letter is not None
    assert await inboxes.store.drop([letter.delivery]) == 1
    assert await inboxes.store.prune(None, 0, 100) == 9
    left = {key.removeprefix(PREFIX) async for key in client.scan_iter()}
    assert {key for key in left if not key.startswith("finished:")} == {"position", "lateness", "place"}


@pytest.mark.parametrize("late", [0, 3600], ids=["one clock", "one that is slow"])
async def test_times_are_found_whatever_the_servers_clocks_say(inboxes: Inboxes, late: int) -> None:
    """The artifacts of two servers, whose clocks differ, in turns."""
    began = inboxes.clock.now
    made: dict[str, datetime] = {}
    for n in range(20):
        name = f"{n}"
        made[name] = began + timedelta(seconds=n - (late if n % 2 else 0))
        await inboxes.publish([Publication(artifact(name, made[name]))])
    for edge in {*made.values(), began + timedelta(seconds=30)}:
        since = await inboxes.store.scan(Query(since=edge), 0)
        until = await inboxes.store.scan(Query(until=edge), 0)
        assert [found.id for _, found in since] == [name for name, at in made.items() if at >= edge]
        assert [found.id for _, found in until] == [name for name, at in made.items() if at < edge]
    assert await inboxes.store.prune(began, None, 100) == sum(at < began for at in made.values())
