"""Giving back without a judgement, on every store: offered again at once, and the attempt does not count."""

from datetime import timedelta

import pytest

from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.stores.errors import LeaseLost
from agent_runtime.blackboard.stores.records import LEASE_RAN_OUT, Leased
from tests.contract.conftest import TERMS
from tests.contract.inboxes import Inboxes, Item, batch

LEASE = TERMS.lease.total_seconds()


async def test_it_is_offered_again_at_once_before_what_came_after_it(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"), Item("2"))
    [first] = await inboxes.lease(1)
    await inboxes.release(first)
    assert [str(one.lease) for one in await inboxes.lease()] == ["1@editor~2", "2@editor~1"]


async def test_the_lease_is_lost_with_it(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    before = await inboxes.lease_one()
    await inboxes.release(before)
    with pytest.raises(LeaseLost):
        await inboxes.acknowledge(before)
    again = await inboxes.lease_one()
    with pytest.raises(LeaseLost):
        await inboxes.store.extend(before.lease, inboxes.clock.now)
    await inboxes.acknowledge(again)
    assert await inboxes.pending() == {}


async def test_however_often_it_is_released_it_is_no_dead_letter(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    for _ in range(3 * TERMS.max_deliveries):
        await inboxes.release(await inboxes.lease_one())
    for _ in range(TERMS.max_deliveries - 1):
        assert await inboxes.fail(await inboxes.lease_one()) is None
    letter = await inboxes.fail(await inboxes.lease_one())
    assert letter is not None
    assert letter.attempts == 4 * TERMS.max_deliveries


async def test_leases_that_run_out_count_however_often_it_is_released_between(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    for left in reversed(range(TERMS.max_deliveries)):
        await inboxes.release(await inboxes.lease_one())
        await inboxes.lease_one()
        swept = await inboxes.wait(LEASE)
        assert len(swept.expired) == (left > 0)
    assert [letter.error for letter in swept.dead] == [LEASE_RAN_OUT]


async def test_doing_it_twice_changes_nothing(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    before = await inboxes.lease_one()
    assert await inboxes.release(before) is True
    assert await inboxes.release(before) is False
    assert (await inboxes.store.snapshot()).deliveries[0].base == 1
    assert (await inboxes.lease_one()).lease.attempt == 2


async def test_nor_does_it_after_the_attempt_has_failed(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"), Item("2"))
    later, never = await inboxes.lease()
    now = inboxes.clock.now
    await inboxes.store.fail(later.lease, "away", now + timedelta(seconds=5), now)
    await inboxes.fail(never, retry=False)
    assert await inboxes.release(later) is False
    assert await inboxes.release(never) is False
    assert await inboxes.lease() == []
    assert len(await inboxes.store.dead_letters(10)) == 1
    await inboxes.wait(5)
    assert (await inboxes.lease_one()).lease == LeaseId(later.lease.delivery, 2)


@pytest.mark.parametrize("ending", ["acknowledged", "ran out", "handed out anew", "never was"])
async def test_what_is_not_held_cannot_be_released(inboxes: Inboxes, ending: str) -> None:
    await inboxes.put(Item("1"))
    leased = await inboxes.lease_one()
    match ending:
        case "acknowledged":
            await inboxes.acknowledge(leased)
        case "ran out":
            inboxes.clock.advance(LEASE)
        case "handed out anew":
            await inboxes.fail(leased)
            await inboxes.lease_one()
        case _:
            leased = Leased(LeaseId("1@editor", 7), leased.artifacts, leased.until)
    with pytest.raises(LeaseLost):
        await inboxes.release(leased)


async def test_a_batch_is_released_whole(inboxes: Inboxes) -> None:
    together = batch(2)
    await inboxes.put(Item("1", together), Item("2", together))
    await inboxes.release(await inboxes.lease_one())
    assert await inboxes.handed_out() == [["1", "2"]]


async def test_what_does_not_count_goes_along_to_another_store(inboxes: Inboxes) -> None:
    await inboxes.put(Item("1"))
    await inboxes.release(await inboxes.lease_one())
    await inboxes.fail(await inboxes.lease_one())
    [kept] = (await inboxes.store.snapshot()).deliveries
    assert (kept.attempt, kept.base) == (2, 1)
