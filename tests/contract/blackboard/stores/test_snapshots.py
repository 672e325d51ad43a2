"""A board frozen in one store and thawed in another: it goes on as if nothing had happened."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.errors import LeaseLost, NotEmpty, Restoring, StaleSubscribers
from agent_runtime.blackboard.stores.records import AT_ONCE, Leased, Limits, Publication, Snapshot
from tests.contract.boards import SCOUT, WRITER, Clock, consumes
from tests.contract.conftest import KINDS, Open, connect_to
from tests.contract.inboxes import AGENT, WINDOW, Inboxes, Item, Join, artifact, batch

JOIN = Join({"Draft": 1, "Review": 2}, window=60)
BATCHED = Join(window=40, expiry="Deliver", then=batch(2, within=20, key="sets"))
PAIRS = Join(expiry="Deliver", then=batch(2, key="pairs"))


@pytest.fixture
def terms() -> Limits:
    """Room enough for all kinds of deliveries at once."""
    return Limits(lease=timedelta(seconds=30), max_deliveries=3, max_pending=100)


@pytest.fixture(params=KINDS)
async def elsewhere(
    request: pytest.FixtureRequest, tmp_path: Path, terms: Limits, clock: Clock
) -> AsyncIterator[Inboxes]:
    """The inboxes of an empty board, on each kind of store."""
    async with AsyncExitStack() as stack:
        store = connect_to(request.param, request, tmp_path, terms)()
        stack.push_async_callback(store.close)
        await store.open()
        yield Inboxes(store, clock)


async def copy(source: Inboxes, target: Inboxes) -> Snapshot:
    """Take a board into another store; returns what was frozen."""
    frozen = await source.store.snapshot()
    artifacts = await source.store.scan(Query(limit=1000), 0)
    version = await target.store.begin_restore()
    await target.store.publish([Publication(one) for _, one in artifacts], version)
    await target.store.restore(frozen)
    return frozen


def comparable(frozen: Snapshot) -> Snapshot:
    """Without what a store may have of its own: numbers of positions and orders, errors of attempts."""
    return replace(
        frozen,
        position=0,
        subscribers=tuple(replace(one, order=at) for at, one in enumerate(frozen.subscribers)),
        deliveries=tuple(replace(kept, error="") for kept in frozen.deliveries),
    )


def handed(leased: list[Leased]) -> list[tuple[str, int, tuple[int, ...]]]:
    """The artifacts of each, which attempt it is, and its sets."""
    return [
        ("+".join(one.id for one in lease.artifacts), lease.lease.attempt, lease.sets) for lease in leased
    ]


async def everything(inboxes: Inboxes) -> None:
    """Bring about each state that a delivery can be in."""
    await inboxes.store.register(WRITER, [consumes(where="payload.score > 3")])
    await inboxes.store.register(Identity(AGENT), [consumes("Finding", "Report")])
    # a batch of joined sets that was given up, a letter that stays, one that is replayed
    pairs = [half for key in "xy" for half in (PAIRS.draft(f"d{key}", key), PAIRS.review(f"r{key}", key))]
    await inboxes.give_up(*pairs)
    await inboxes.give_up(Item("dead", priority=4), Item("revived", priority=1))
    await inboxes.store.replay(["revived@editor"], inboxes.clock.now)
    await inboxes.put(Item("retried", priority=1))
    for leased in await inboxes.lease():
        await inboxes.fail(leased)
    # part-filled: a join, a join's batch, an embargo before a join, a batch
    await inboxes.put(JOIN.draft("draft"), JOIN.review("review"))
    await inboxes.wait(5)
    await inboxes.put(BATCHED.draft("bd", "a"), BATCHED.review("br", "a"))
    await inboxes.put(JOIN.review("late", "other", embargo=10), Item("one", batch(2, within=90)))
    # plain: held, waiting for its time with and without an attempt, ready
    await inboxes.put(Item("held", priority=9), Item("again", priority=8))
    held, again = await inboxes.lease(limit=2)
    await inboxes.store.fail(again.lease, "away", inboxes.clock.now + timedelta(seconds=7), inboxes.clock.now)
    assert held.artifacts[0].id == "held"
    await inboxes.put(Item("later", embargo=9, priority=3), Item("ready"), Item("urgent", priority=2))
    await inboxes.put(Item("of-another", agent="writer"))


async def test_it_holds_the_same(inboxes: Inboxes, elsewhere: Inboxes) -> None:
    await everything(inboxes)
    frozen = await copy(inboxes, elsewhere)
    assert comparable(await elsewhere.store.snapshot()) == comparable(frozen)
    assert await elsewhere.pending() == await inboxes.pending()
    assert await elsewhere.store.dead_letters(10) == await inboxes.store.dead_letters(10)
    there, here = await elsewhere.store.stats(), await inboxes.store.stats()
    assert (there.artifacts, there.dead_letters, there.subscribers) == (
        here.artifacts,
        here.dead_letters,
        here.subscribers,
    )
    members = (await elsewhere.store.subscribers()).members
    assert [one.identity for one in members] == [WRITER, Identity(AGENT)]
    assert [one for _, one in await elsewhere.store.scan(Query(limit=1000), 0)] == [
        one for _, one in await inboxes.store.scan(Query(limit=1000), 0)
    ]


async def test_it_goes_on_as_before(inboxes: Inboxes, elsewhere: Inboxes) -> None:
    await everything(inboxes)
    await copy(inboxes, elsewhere)
    assert handed(await elsewhere.lease()) == [
        ("held", 2, ()),
        ("urgent", 1, ()),
        ("revived", 3, ()),
        ("retried", 2, ()),
        ("ready", 1, ()),
    ]
    await elsewhere.wait(8)
    assert handed(await elsewhere.lease()) == [("again", 2, ())]
    await elsewhere.put(JOIN.review("second"), Item("two", batch(2, within=90)))
    assert handed(await elsewhere.lease()) == [("draft+review+second", 1, ()), ("one+two", 1, ())]
    await elsewhere.put(BATCHED.draft("bd2", "b"), BATCHED.review("br2", "b"))
    assert handed(await elsewhere.lease()) == [("bd+br+bd2+br2", 1, (2, 2))]
    await elsewhere.wait(2)
    assert handed(await elsewhere.lease()) == [("later", 1, ())]
    assert handed(await elsewhere.lease(agent="writer")) == [("of-another", 1, ())]
    await elsewhere.put(JOIN.draft("other", "other"), JOIN.review("r2", "other"))
    assert handed(await elsewhere.lease()) == [("other+late+r2", 1, ())]


async def test_windows_go_on(inboxes: Inboxes, elsewhere: Inboxes) -> None:
    """The embargo's end, in its group or not, is when it was to be as well."""
    await inboxes.put(JOIN.draft("d"))
    await inboxes.wait(WINDOW)
    await copy(inboxes, elsewhere)
    assert (await elsewhere.wait(JOIN.window - WINDOW)).dead == ()
    swept = await elsewhere.wait(0, micros=1)
    assert [letter.artifact_ids for letter in swept.dead] == [("d",)]
    assert [one.message for one in swept.incomplete] == ["the window of 60s passed with 0 of 2 Review"]


async def test_letters_are_replayed_as_what_they_were(inboxes: Inboxes, elsewhere: Inboxes) -> None:
    await everything(inboxes)
    await copy(inboxes, elsewhere)
    await elsewhere.lease()
    letters = [letter.delivery for letter in await elsewhere.store.dead_letters(10)]
    await elsewhere.put(Item("plain"))
    await elsewhere.store.replay(letters, elsewhere.clock.now)
    assert handed(await elsewhere.lease()) == [
        ("dead", 2, ()),
        ("plain", 1, ()),
        ("dx+rx+dy+ry", 2, (2, 2)),
    ]


async def test_it_gives_up_when_it_would_have(inboxes: Inboxes, elsewhere: Inboxes, terms: Limits) -> None:
    await inboxes.put(Item("a"))
    await inboxes.fail(await inboxes.lease_one())
    await copy(inboxes, elsewhere)
    for _ in range(terms.max_deliveries - 2):
        assert await elsewhere.fail(await elsewhere.lease_one()) is None
    letter = await elsewhere.fail(await elsewhere.lease_one())
    assert letter is not None
    assert letter.attempts == terms.max_deliveries


async def test_what_is_needed_is_not_pruned(inboxes: Inboxes, elsewhere: Inboxes) -> None:
    await everything(inboxes)
    await copy(inboxes, elsewhere)
    all_of_them = {
        id_ for kept in (await elsewhere.store.snapshot()).deliveries for id_ in kept.plan.artifact_ids
    }
    await elsewhere.store.prune(None, 0, 1000)
    left = {one.id for _, one in await elsewhere.store.scan(Query(limit=1000), 0)}
    assert left == all_of_them | {"dead", "dx", "rx", "dy", "ry"}
    for leased in await elsewhere.lease():
        await elsewhere.acknowledge(leased)
    await elsewhere.store.prune(None, 0, 1000)
    assert not {"held", "ready", "revived"} & {
        one.id for _, one in await elsewhere.store.scan(Query(limit=1000), 0)
    }


async def test_a_lease_of_before_is_lost(inboxes: Inboxes, elsewhere: Inboxes) -> None:
    await inboxes.put(Item("a"))
    held = await inboxes.lease_one()
    await copy(inboxes, elsewhere)
    with pytest.raises(LeaseLost):
        await elsewhere.acknowledge(held)
    await elsewhere.lease_one()
    with pytest.raises(LeaseLost):
        await elsewhere.acknowledge(held)


async def test_freezing_changes_nothing(inboxes: Inboxes) -> None:
    await everything(inboxes)
    assert await inboxes.store.snapshot() == await inboxes.store.snapshot()
    assert handed(await inboxes.lease())[0] == ("urgent", 1, ())


async def test_an_empty_board(inboxes: Inboxes) -> None:
    assert await inboxes.store.snapshot() == Snapshot(0)


async def test_what_is_frozen_says_where_each_stands(inboxes: Inboxes) -> None:
    now = inboxes.clock.now
    await inboxes.put(Item("ready"), Item("later", embargo=5), JOIN.draft("gathered"))
    await inboxes.put(JOIN.draft("later-gathered", embargo=5))
    assert [
        (kept.plan.artifact_ids[0], kept.plan.due, kept.since)
        for kept in (await inboxes.store.snapshot()).deliveries
    ] == [
        ("ready", AT_ONCE, None),
        ("later", now + timedelta(seconds=5), None),
        ("gathered", now, now),
        ("later-gathered", now + timedelta(seconds=5), None),
    ]


async def test_a_board_that_is_being_restored_says_so(inboxes: Inboxes, open_inboxes: Open) -> None:
    await inboxes.store.ping()
    before = (await inboxes.store.subscribers()).version
    version = await inboxes.store.begin_restore()
    assert await inboxes.store.begin_restore() == version
    finding = Publication(artifact("a", inboxes.clock.now))
    with pytest.raises(Restoring, match="--resume"):
        await inboxes.store.ping()
    with pytest.raises(Restoring):
        await inboxes.store.subscribers()
    with pytest.raises(Restoring):
        await inboxes.store.register(SCOUT, [consumes()])
    with pytest.raises(Restoring):
        await inboxes.store.snapshot()
    with pytest.raises(Restoring):
        await inboxes.store.prune(None, 0, 10)
    with pytest.raises(StaleSubscribers):
        await inboxes.store.publish([finding], before)
    await inboxes.store.publish([finding], version)
    await inboxes.store.publish([finding], version)
    await inboxes.store.restore(Snapshot(1))
    await inboxes.store.ping()
    after = (await inboxes.store.subscribers()).version
    assert after not in (before, version)
    with pytest.raises(StaleSubscribers):
        await inboxes.store.publish([Publication(artifact("b", inboxes.clock.now))], version)


@pytest.mark.parametrize("what", ["artifact", "subscriber", "delivery", "letter"])
async def test_a_board_that_holds_something_takes_nothing_in(inboxes: Inboxes, what: str) -> None:
    match what:
        case "artifact":
            await inboxes.publish([Publication(artifact("a", inboxes.clock.now))])
        case "subscriber":
            await inboxes.store.register(WRITER, [consumes()])
        case "delivery":
            await inboxes.put(Item("a"))
        case _:
            await inboxes.give_up(Item("a"))
    with pytest.raises(NotEmpty):
        await inboxes.store.begin_restore()
    before = await inboxes.store.stats()
    if what != "artifact":  # those are published before
        with pytest.raises(NotEmpty):
            await inboxes.store.restore(Snapshot(0))
    assert await inboxes.store.stats() == before
    await inboxes.store.ping()
