"""Dead letters on every store: looked at, offered again, deleted."""

import asyncio

import pytest

from agent_runtime.blackboard.stores.errors import LeaseLost
from agent_runtime.blackboard.stores.records import LEASE_RAN_OUT, DeadLetter
from tests.contract.boards import on_durable_stores, on_shared_stores
from tests.contract.conftest import TERMS, Open
from tests.contract.inboxes import AGENT, ENTRY, WINDOW, Inboxes, Item, Join, batch, ids

LEASE = TERMS.lease.total_seconds()


def deliveries(letters: list[DeadLetter]) -> list[str]:
    return [letter.delivery for letter in letters]


async def test_the_newest_come_first_and_may_be_those_of_one_agent(inboxes: Inboxes) -> None:
    for n in range(4):
        await inboxes.wait(1)
        await inboxes.put(Item(f"{n}"), Item(f"x{n}", agent="other"))
        for agent in (AGENT, "other"):
            [leased] = await inboxes.lease(agent=agent)
            await inboxes.fail(leased, f"error {n}", retry=False)
    store = inboxes.store
    assert deliveries(await store.dead_letters(3)) == ["x3@other", "3@editor", "x2@other"]
    assert deliveries(await store.dead_letters(2, "editor")) == ["3@editor", "2@editor"]
    assert deliveries(await store.dead_letters(10, "other")) == [
        "x3@other",
        "x2@other",
        "x1@other",
        "x0@other",
    ]
    assert await store.dead_letters(10, "edit") == []
    assert (await store.stats()).dead_letters == 8


async def test_one_is_found_by_its_delivery(inboxes: Inboxes) -> None:
    [letter] = await inboxes.give_up(Item("1"))
    await inboxes.put(Item("2"))
    assert await inboxes.store.dead_letter("1@editor") == letter
    assert (letter.artifact_ids, letter.attempts, letter.error) == (("1",), 1, "away")
    assert await inboxes.store.dead_letter("2@editor") is None
    assert await inboxes.store.dead_letter("3@editor") is None


async def test_what_is_replayed_is_offered_at_once_and_no_dead_letter_any_more(inboxes: Inboxes) -> None:
    letters = await inboxes.give_up(Item("1"), Item("2"), Item("3"))
    await inboxes.wait(5)
    replayed = await inboxes.store.replay(["3@editor", "never@editor", "1@editor"], inboxes.clock.now)
    assert replayed == [letters[2], letters[0]]
    assert [str(one.lease) for one in await inboxes.lease()] == ["3@editor~2", "1@editor~2"]
    assert deliveries(await inboxes.store.dead_letters(10)) == ["2@editor"]
    assert (await inboxes.store.stats()).dead_letters == 1
    assert await inboxes.pending() == {AGENT: 2}


async def test_replaying_twice_offers_it_once(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("1"))
    assert len(await inboxes.store.replay(["1@editor", "1@editor"], inboxes.clock.now)) == 1
    assert await inboxes.store.replay(["1@editor"], inboxes.clock.now) == []
    assert await inboxes.handed_out() == [["1"]]
    assert await inboxes.pending() == {AGENT: 1}


async def test_a_lease_of_before_stays_lost(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    before = await inboxes.lease_one()
    await inboxes.fail(before, retry=False)
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)

    async def is_lost() -> None:
        with pytest.raises(LeaseLost):
            await inboxes.store.held(before.lease, inboxes.clock.now)
        with pytest.raises(LeaseLost):
            await inboxes.store.extend(before.lease, inboxes.clock.now)
        with pytest.raises(LeaseLost):
            await inboxes.acknowledge(before, Item("result"))

    await is_lost()
    again = await inboxes.lease_one()
    await is_lost()
    await inboxes.acknowledge(again)
    assert await inboxes.store.get(["result"]) == [None]


async def test_failing_with_a_lease_of_before_does_not_harm_the_new_one(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    before = await inboxes.lease_one()
    await inboxes.fail(before, retry=False)
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    again = await inboxes.lease_one()
    with pytest.raises(LeaseLost):
        await inboxes.fail(before, retry=False)
    await inboxes.acknowledge(again)
    assert await inboxes.store.dead_letters(10) == []


async def exhaust(inboxes: Inboxes) -> list[int]:
    """Fail it until it is given up: the attempts."""
    attempts: list[int] = []
    letter = None
    while letter is None:
        leased = await inboxes.lease_one()
        attempts.append(leased.lease.attempt)
        letter = await inboxes.fail(leased)
    return attempts


async def test_it_has_as_many_attempts_again_as_at_first(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    assert await exhaust(inboxes) == [1, 2, 3]
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    assert await exhaust(inboxes) == [4, 5, 6]
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    assert await exhaust(inboxes) == [7, 8, 9]
    [letter] = await inboxes.store.dead_letters(10)
    assert letter.attempts == 9


async def test_also_when_it_was_given_up_early(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("1"))
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    assert await exhaust(inboxes) == [2, 3, 4]


async def test_also_when_its_leases_run_out(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("1"))
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    swept = []
    for _ in range(TERMS.max_deliveries):
        await inboxes.lease_one()
        swept.append(await inboxes.wait(LEASE))
    assert [one.expired for one in swept] == [("1@editor",), ("1@editor",), ()]
    [letter] = swept[-1].dead
    assert (letter.attempts, letter.error) == (4, LEASE_RAN_OUT)
    assert await inboxes.store.dead_letters(10) == [letter]


async def test_what_is_replayed_keeps_its_priority_and_comes_last_in_it(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("urgent", priority=5), Item("plain"))
    await inboxes.put(Item("new"), Item("urgent-too", priority=5), Item("last", priority=-1))
    await inboxes.store.replay(["plain@editor", "urgent@editor"], inboxes.clock.now)
    assert await inboxes.handed_out() == [["urgent-too"], ["urgent"], ["new"], ["plain"], ["last"]]


async def test_a_full_inbox_takes_what_is_replayed(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("1"))
    await inboxes.put(*(Item(f"new-{n}") for n in range(TERMS.max_pending)))
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    assert await inboxes.pending() == {AGENT: TERMS.max_pending + 1}


async def test_an_incomplete_set_is_replayed_as_it_is(inboxes: Inboxes) -> None:
    join = Join({"Draft": 1, "Review": 2})
    await inboxes.put(join.review("r1"), join.draft("d"))
    [letter] = (await inboxes.wait(WINDOW, micros=1)).dead
    await inboxes.put(join.review("r2"))
    assert await inboxes.store.replay([letter.delivery], inboxes.clock.now) == [letter]
    leased = await inboxes.lease_one()
    assert (ids(leased), leased.sets, str(leased.lease)) == (["d", "r1"], (), f"d+{ENTRY}@editor~1")
    await inboxes.acknowledge(leased)
    swept = await inboxes.wait(WINDOW, micros=1)
    assert [one.artifact_ids for one in swept.dead] == [("r2",)]


async def test_an_incomplete_set_that_is_replayed_does_not_go_into_a_batch(inboxes: Inboxes) -> None:
    join = Join(then=batch(2))
    await inboxes.put(join.draft("d"))
    [letter] = (await inboxes.wait(WINDOW, micros=1)).dead
    await inboxes.store.replay([letter.delivery], inboxes.clock.now)
    leased = await inboxes.lease_one()
    assert (ids(leased), leased.sets) == (["d"], ())
    await inboxes.fail(leased)
    assert await inboxes.handed_out() == [["d"]]


async def test_a_batch_of_sets_is_replayed_with_its_sets(inboxes: Inboxes) -> None:
    join = Join({"Draft": 1, "Review": 1}, expiry="Deliver", then=batch(2))
    await inboxes.put(join.draft("d", "x"), join.draft("d2", "y"), join.review("r2", "y"))
    await inboxes.wait(WINDOW, micros=1)
    before = await inboxes.lease_one()
    assert (sorted(ids(before)), sorted(before.sets)) == (["d", "d2", "r2"], [1, 2])
    await inboxes.fail(before, retry=False)
    await inboxes.store.replay([before.lease.delivery], inboxes.clock.now)
    again = await inboxes.lease_one()
    assert (ids(again), again.sets, again.lease.attempt) == (ids(before), before.sets, 2)


async def test_what_is_dropped_is_gone(inboxes: Inboxes) -> None:
    await inboxes.give_up(Item("1"), Item("2"), Item("3"))
    assert await inboxes.store.drop(["1@editor", "never@editor", "3@editor", "1@editor"]) == 2
    assert deliveries(await inboxes.store.dead_letters(10)) == ["2@editor"]
    assert await inboxes.store.drop(["1@editor"]) == 0
    assert await inboxes.store.replay(["1@editor"], inboxes.clock.now) == []
    assert await inboxes.store.drop([]) == 0
    assert await inboxes.handed_out() == []
    assert (await inboxes.store.stats()).dead_letters == 1


async def test_what_is_alive_is_neither_replayed_nor_dropped(inboxes: Inboxes) -> None:
    await inboxes.put(Item("held"), Item("ready"))
    [held] = await inboxes.lease(1)
    assert await inboxes.store.replay(["held@editor", "ready@editor"], inboxes.clock.now) == []
    assert await inboxes.store.drop(["held@editor", "ready@editor"]) == 0
    await inboxes.acknowledge(held)
    assert await inboxes.handed_out() == [["ready"]]


@on_durable_stores
async def test_letters_and_what_is_replayed_outlive_a_restart(open_inboxes: Open) -> None:
    before = await open_inboxes()
    letters = await before.give_up(Item("1"), Item("2"))
    await before.store.replay(["2@editor"], before.clock.now)
    await before.store.close()
    after = await open_inboxes()
    assert await after.store.dead_letters(10) == letters[:1]
    assert await exhaust(after) == [2, 3, 4]


@on_shared_stores
async def test_a_letter_that_two_servers_replay_is_offered_once(open_inboxes: Open) -> None:
    servers = [await open_inboxes() for _ in range(2)]
    await servers[0].give_up(Item("1"), Item("2"))
    names = ["1@editor", "2@editor"]
    replayed = await asyncio.gather(*(server.store.replay(names, server.clock.now) for server in servers * 3))
    assert sorted(letter.delivery for one in replayed for letter in one) == names
    assert sorted(await servers[0].handed_out()) == [["1"], ["2"]]
    assert await servers[1].pending() == {AGENT: 2}
