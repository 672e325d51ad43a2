"""Windows of joins and batches, on every store: until when items wait, and what becomes of them then."""

import asyncio
from datetime import timedelta

import pytest

from agent_runtime.blackboard.matching.joins import Expiry
from agent_runtime.blackboard.stores.records import Incomplete
from tests.contract.boards import on_shared_stores
from tests.contract.conftest import Open
from tests.contract.inboxes import (
    AGENT,
    ENTRY,
    MICROSECOND,
    WINDOW,
    Inboxes,
    Item,
    Join,
    batch,
    ids,
)

PAIR = Join()
COUNTED = Join({"Draft": 1, "Review": 2})
THREE = batch(3)


async def test_at_exactly_the_window_an_item_is_still_inside(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d"))
    began = inboxes.clock.now
    assert (await inboxes.wait(0)).next_due == began + timedelta(seconds=WINDOW) + MICROSECOND
    swept = await inboxes.wait(WINDOW)
    assert (swept.dead, swept.incomplete) == ((), ())
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == [["d", "r"]]


async def test_a_microsecond_later_it_is_out(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d"))
    await inboxes.wait(WINDOW, micros=1)
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == []


SHORT = "the window of 30s passed with 0 of 1 Draft, 1 of 2 Review"


@pytest.mark.parametrize("expiry", ["DeadLetter", "Deliver", "Drop"])
async def test_what_becomes_of_an_incomplete_set(inboxes: Inboxes, expiry: Expiry) -> None:
    join = Join(COUNTED.needs, expiry=expiry)
    item = join.review("r")
    await inboxes.put(item)
    swept = await inboxes.wait(WINDOW, micros=1)
    assert swept.incomplete == (Incomplete(item.delivery, AGENT, join.expiry, SHORT),)
    assert swept.next_due is None
    assert swept.ready == ((AGENT,) if expiry == "Deliver" else ())
    assert await inboxes.handed_out() == ([["r"]] if expiry == "Deliver" else [])
    assert await inboxes.pending() == ({AGENT: 1} if expiry == "Deliver" else {})
    letters = await inboxes.store.dead_letters(10)
    assert swept.dead == tuple(letters)
    assert [
        (one.delivery, one.agent, one.artifact_ids, one.attempts, one.error, one.at) for one in letters
    ] == ([(item.delivery, AGENT, ("r",), 0, SHORT, inboxes.clock.now)] if expiry == "DeadLetter" else [])


async def test_an_incomplete_set_has_its_items_in_declared_order(inboxes: Inboxes) -> None:
    join = Join({"Draft": 2, "Review": 2})
    await inboxes.put(join.review("r"), join.draft("d"))
    [letter] = (await inboxes.wait(WINDOW, micros=1)).dead
    assert (letter.artifact_ids, letter.delivery) == (("d", "r"), f"d+{ENTRY}@{AGENT}")
    assert letter.error == "the window of 30s passed with 1 of 2 Draft, 1 of 2 Review"
    assert await inboxes.pending() == {}


async def test_what_is_left_over_has_a_window_of_its_own(inboxes: Inboxes) -> None:
    join = Join(expiry="Drop")
    await inboxes.put(join.review("r1"))
    await inboxes.wait(10)
    await inboxes.put(join.review("r2"))
    swept = await inboxes.wait(WINDOW - 10, micros=1)
    assert [one.delivery for one in swept.incomplete] == [f"r1+{ENTRY}@{AGENT}"]
    assert swept.next_due == inboxes.clock.now + timedelta(seconds=10)
    assert await inboxes.pending() == {AGENT: 1}
    await inboxes.wait(10, micros=-1)
    await inboxes.put(join.draft("d"))
    assert await inboxes.handed_out() == [["d", "r2"]]


async def test_what_a_complete_set_leaves_over_has_a_window_of_its_own(inboxes: Inboxes) -> None:
    join = Join(expiry="Drop")
    await inboxes.put(join.review("r1"))
    await inboxes.wait(10)
    await inboxes.put(join.review("r2"), join.draft("d1"))
    assert await inboxes.handed_out() == [["d1", "r1"]]
    assert (await inboxes.wait(WINDOW - 10, micros=1)).incomplete == ()
    assert [one.delivery for one in (await inboxes.wait(10)).incomplete] == [f"r2+{ENTRY}@{AGENT}"]


async def test_several_sets_end_at_once(inboxes: Inboxes) -> None:
    join = Join(COUNTED.needs, expiry="Deliver")
    await inboxes.put(*(join.review(f"r{n}") for n in range(3)), join.review("other", "other"))
    swept = await inboxes.wait(WINDOW, micros=1)
    assert len(swept.incomplete) == 3
    assert await inboxes.handed_out() == [["r0", "r1"], ["r2"], ["other"]]
    assert swept.next_due is None


async def test_a_batch_ends_by_time_and_is_not_incomplete(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1", THREE))
    await inboxes.wait(10)
    await inboxes.put(Item("2", THREE))
    assert (await inboxes.wait(WINDOW - 10)).ready == ()
    swept = await inboxes.wait(0, micros=1)
    assert (swept.ready, swept.incomplete, swept.dead, swept.next_due) == ((AGENT,), (), (), None)
    leased = await inboxes.lease_one()
    assert (ids(leased), leased.sets, leased.lease.delivery) == (["1", "2"], (), f"1+{ENTRY}@{AGENT}")
    assert await inboxes.pending() == {AGENT: 1}


async def test_the_window_of_a_batch_begins_with_its_first_set(inboxes: Inboxes) -> None:
    join = Join(then=batch(2, within=10))
    await inboxes.put(join.draft("d1"))
    await inboxes.wait(25)
    await inboxes.put(join.review("r1"))
    assert (await inboxes.wait(0)).next_due == inboxes.clock.now + timedelta(seconds=10) + MICROSECOND
    assert (await inboxes.wait(10)).ready == ()
    swept = await inboxes.wait(0, micros=1)
    assert (swept.ready, swept.incomplete) == ((AGENT,), ())
    leased = await inboxes.lease_one()
    assert (ids(leased), leased.sets) == (["d1", "r1"], (2,))


async def test_an_incomplete_set_that_is_delivered_goes_on_into_the_batch(inboxes: Inboxes) -> None:
    join = Join(expiry="Deliver", then=batch(2))
    await inboxes.put(join.review("r1", "x"))
    swept = await inboxes.wait(WINDOW, micros=1)
    assert (swept.ready, [one.expiry for one in swept.incomplete]) == ((), ["Deliver"])
    assert swept.next_due == inboxes.clock.now + timedelta(seconds=WINDOW) + MICROSECOND
    assert await inboxes.handed_out() == []
    await inboxes.put(join.draft("d2", "y"), join.review("r2", "y"))
    leased = await inboxes.lease_one()
    assert (ids(leased), leased.sets) == (["r1", "d2", "r2"], (1, 2))


async def test_incomplete_sets_fill_a_batch_in_the_sweep(inboxes: Inboxes) -> None:
    join = Join(expiry="Deliver", then=batch(2))
    await inboxes.put(join.review("r1", "x"), join.review("r2", "y"))
    swept = await inboxes.wait(WINDOW, micros=1)
    assert (swept.ready, len(swept.incomplete), swept.next_due) == ((AGENT,), 2, None)
    leased = await inboxes.lease_one()
    assert (sorted(ids(leased)), leased.sets) == (["r1", "r2"], (1, 1))


async def test_an_embargoed_item_joins_its_group_when_its_time_comes(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d", embargo=20), PAIR.review("r"))
    assert await inboxes.handed_out() == []
    assert await inboxes.pending() == {AGENT: 2}
    swept = await inboxes.wait(20)
    assert (swept.ready, swept.expired, swept.next_due) == ((AGENT,), (), None)
    assert await inboxes.handed_out() == [["d", "r"]]


async def test_the_window_of_an_embargoed_item_begins_when_its_time_comes(inboxes: Inboxes) -> None:
    await inboxes.put(PAIR.draft("d", embargo=100))
    assert (await inboxes.wait(99)).next_due == inboxes.clock.now + timedelta(seconds=1)
    swept = await inboxes.wait(1)
    assert swept.ready == ()
    assert swept.next_due == inboxes.clock.now + timedelta(seconds=WINDOW) + MICROSECOND
    await inboxes.wait(WINDOW)
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == [["d", "r"]]


async def test_items_are_taken_in_the_order_of_their_publication(inboxes: Inboxes) -> None:
    """Also the one that an embargo held back."""
    await inboxes.put(PAIR.draft("d1", embargo=20), PAIR.draft("d2"))
    await inboxes.wait(20)
    await inboxes.put(PAIR.review("r1"))
    assert await inboxes.handed_out() == [["d1", "r1"]]
    await inboxes.put(PAIR.review("r2"))
    assert await inboxes.handed_out() == [["d2", "r2"]]


async def test_what_comes_at_one_instant_comes_in_the_order_of_publication(inboxes: Inboxes) -> None:
    names = ["9", "10", "a", "B"]
    await inboxes.put(*(Item(name, batch(2), embargo=20) for name in names))
    await inboxes.wait(20)
    assert await inboxes.handed_out() == [["9", "10"], ["a", "B"]]


async def test_nothing_stays_beyond_its_window(inboxes: Inboxes) -> None:
    """Though an older item, which an embargo held back, stands before it."""
    await inboxes.put(PAIR.draft("d1", embargo=20), PAIR.draft("d2"))
    await inboxes.wait(20)
    swept = await inboxes.wait(WINDOW - 20, micros=1)
    assert [letter.artifact_ids for letter in swept.dead] == [("d1",), ("d2",)]
    assert await inboxes.pending() == {}


@on_shared_stores
async def test_servers_that_sweep_at_once_end_a_set_once(open_inboxes: Open) -> None:
    servers = [await open_inboxes() for _ in range(3)]
    await servers[0].put(PAIR.draft("d"), Item("1", THREE), Item("2", THREE))
    servers[0].clock.advance(WINDOW + 1)
    swept = await asyncio.gather(*(server.wait(0) for server in servers * 2))
    assert [letter.artifact_ids for one in swept for letter in one.dead] == [("d",)]
    assert sum(len(one.incomplete) for one in swept) == 1
    assert await servers[1].handed_out() == [["1", "2"]]
    assert len(await servers[2].store.dead_letters(10)) == 1
