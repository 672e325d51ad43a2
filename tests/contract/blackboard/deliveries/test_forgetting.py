"""Forgetting an agent, on every store: what goes with it, and what stays."""

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.stores.errors import LeaseLost, StaleSubscribers
from agent_runtime.blackboard.stores.records import Publication
from tests.contract.boards import consumes, on_durable_stores
from tests.contract.conftest import TERMS, Open
from tests.contract.inboxes import AGENT, WINDOW, Inboxes, Item, Join, artifact, batch

PAIR = Join()


async def test_its_deliveries_go_whatever_they_were_doing(inboxes: Inboxes) -> None:
    await inboxes.put(Item("held"))
    await inboxes.lease_one()
    await inboxes.put(
        Item("ready"), Item("embargoed", embargo=60), PAIR.draft("gathered"), Item("batched", batch(2))
    )
    assert await inboxes.store.forget(AGENT) == 5
    assert await inboxes.pending() == {}
    assert await inboxes.handed_out() == []
    swept = await inboxes.wait(3600)
    assert (swept.ready, swept.expired, swept.dead, swept.incomplete) == ((), (), (), ())
    assert swept.next_due is None
    assert await inboxes.handed_out() == []


async def test_a_lease_that_was_held_is_lost(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    leased = await inboxes.lease_one()
    await inboxes.store.forget(AGENT)
    now = inboxes.clock.now
    with pytest.raises(LeaseLost):
        await inboxes.store.held(leased.lease, now)
    with pytest.raises(LeaseLost):
        await inboxes.store.extend(leased.lease, now)
    with pytest.raises(LeaseLost):
        await inboxes.acknowledge(leased, Item("result"))
    with pytest.raises(LeaseLost):
        await inboxes.fail(leased)
    assert await inboxes.store.get(["1", "result"]) == [artifact("1", now), None]
    assert await inboxes.store.dead_letters(10) == []


async def test_it_is_no_subscriber_any_more(inboxes: Inboxes) -> None:
    store = inboxes.store
    for name in (AGENT, "other"):
        await store.register(Identity(name), [consumes()])
    before = await store.subscribers()
    assert (await store.stats()).subscribers == 2
    assert await store.forget(AGENT) == 0
    after = await store.subscribers()
    assert [member.identity.name for member in after.members] == ["other"]
    assert (await store.stats()).subscribers == 1
    with pytest.raises(StaleSubscribers):
        await store.publish([Publication(artifact("1", inboxes.clock.now))], before.version)
    await store.publish([Publication(artifact("1", inboxes.clock.now))], after.version)


async def test_forgetting_a_stranger_changes_nothing(inboxes: Inboxes) -> None:
    await inboxes.store.register(Identity("other"), [consumes()])
    before = await inboxes.store.subscribers()
    assert await inboxes.store.forget("stranger") == 0
    assert await inboxes.store.subscribers() == before


@pytest.mark.parametrize("other", ["edit", "editor-2", "x-editor", "e_itor", "EDITOR"])
async def test_others_are_untouched(inboxes: Inboxes, other: str) -> None:
    await inboxes.put(
        Item("held", agent=other), Item("lost"), PAIR.draft("d", agent=other), PAIR.draft("lost-too")
    )
    [held] = await inboxes.lease(agent=other)
    await inboxes.put(Item("ready", agent=other), Item("later", agent=other, embargo=10))
    assert await inboxes.store.forget(AGENT) == 2
    assert await inboxes.pending() == {other: 4}
    await inboxes.acknowledge(held)
    await inboxes.put(PAIR.review("r", agent=other))
    assert (await inboxes.wait(10)).ready == (other,)
    assert await inboxes.handed_out(other) == [["d", "r"], ["ready"], ["later"]]


async def test_its_dead_letters_stay_and_may_be_replayed(inboxes: Inboxes) -> None:
    letters = await inboxes.give_up(Item("1"))
    await inboxes.store.forget(AGENT)
    assert await inboxes.store.dead_letters(10, AGENT) == letters
    await inboxes.store.replay(["1@editor"], inboxes.clock.now)
    assert await inboxes.handed_out() == [["1"]]


async def test_who_comes_back_begins_anew(inboxes: Inboxes) -> None:
    await inboxes.store.register(Identity(AGENT), [consumes()])
    await inboxes.put(*(PAIR.draft(f"{n}") for n in range(TERMS.max_pending)))
    await inboxes.store.forget(AGENT)
    await inboxes.store.register(Identity(AGENT), [consumes()])
    assert [member.identity.name for member in (await inboxes.store.subscribers()).members] == [AGENT]
    await inboxes.put(PAIR.review("r"))
    assert await inboxes.handed_out() == []
    await inboxes.put(PAIR.draft("d"))
    assert await inboxes.handed_out() == [["d", "r"]]
    assert (await inboxes.wait(WINDOW, micros=1)).incomplete == ()


@on_durable_stores
async def test_who_was_forgotten_stays_so_after_a_restart(open_inboxes: Open) -> None:
    before = await open_inboxes()
    await before.store.register(Identity(AGENT), [consumes()])
    await before.put(Item("1"), PAIR.draft("d"))
    await before.store.forget(AGENT)
    await before.store.close()
    after = await open_inboxes()
    assert (await after.store.subscribers()).members == ()
    assert await after.pending() == {}
    assert await after.handed_out() == []
