"""One writer at a time, and what becomes of the others."""

import asyncio
from datetime import timedelta

import pytest

from agent_runtime.durable import LeaseLost, RunHeld, RunStore, Writer
from tests.clocks import START, ManualClock
from tests.contract.durable.conftest import Connect
from tests.contract.durable.entries import entry, item, recorded, start


async def assert_lost(store: RunStore, writer: Writer) -> None:
    """Whatever the writer writes is refused."""
    with pytest.raises(LeaseLost):
        await store.commit(writer, [entry(100)], keep=3)
    with pytest.raises(LeaseLost):
        await store.commit(writer, [entry(100)], keep=3, drop=[("map", 1)])
    with pytest.raises(LeaseLost):
        await store.record(writer, [item(100)])
    with pytest.raises(LeaseLost):
        await store.renew(writer, 30)
    await store.release(writer)


async def test_a_run_that_is_held_is_not_given_away(store: RunStore, run: str, clock: ManualClock) -> None:
    await store.acquire(run, "first", 30)
    clock.advance(29)
    with pytest.raises(RunHeld, match="is held by 'first' until 2026-01-05T12:00:30") as refusal:
        await store.acquire(run, "second", 30)
    assert (refusal.value.run, refusal.value.holder) == (run, "first")
    assert refusal.value.until == START + timedelta(seconds=30)


async def test_a_lease_that_expired_passes_on_and_the_old_writer_is_refused(
    connect: Connect, run: str, clock: ManualClock
) -> None:
    here, there = await connect(), await connect()
    first = await here.acquire(run, "first", 30)
    await here.commit(first, [start()], keep=3)
    await here.record(first, [item(0)])
    clock.advance(30)
    second = await there.acquire(run, "second", 30)
    assert second.generation > first.generation
    await assert_lost(here, first)
    await there.commit(second, [entry(1)], keep=3)
    assert await here.latest(run) == entry(1)
    assert await recorded(here, run) == [(0, b"[0]")]
    with pytest.raises(RunHeld, match="second"):
        await here.acquire(run, "first", 30)


async def test_taking_over_does_not_wait(store: RunStore, run: str) -> None:
    first = await store.acquire(run, "first", 30)
    second = await store.acquire(run, "second", 30, take_over=True)
    await assert_lost(store, first)
    await store.commit(second, [start()], keep=3)


async def test_a_renewed_lease_lasts(store: RunStore, run: str, clock: ManualClock) -> None:
    writer = await store.acquire(run, "first", 30)
    clock.advance(29)
    await store.renew(writer, 30)
    clock.advance(29)
    with pytest.raises(RunHeld):
        await store.acquire(run, "second", 30)


async def test_a_lease_that_expired_is_renewed_when_nobody_took_it(
    store: RunStore, run: str, clock: ManualClock
) -> None:
    writer = await store.acquire(run, "first", 30)
    clock.advance(100)
    await store.renew(writer, 30)
    with pytest.raises(RunHeld):
        await store.acquire(run, "second", 30)


async def test_what_is_released_is_free_at_once(store: RunStore, run: str) -> None:
    first = await store.acquire(run, "first", 30)
    await store.release(first)
    await store.release(first)
    await store.record(first, [item(0)])  # of helpers of a leg that ended
    second = await store.acquire(run, "second", 30)
    await assert_lost(store, first)
    with pytest.raises(RunHeld):  # nor does the release of a former writer free it
        await store.acquire(run, "third", 30)
    await store.commit(second, [start()], keep=3)


async def test_the_holder_may_ask_again(store: RunStore, run: str) -> None:
    first = await store.acquire(run, "me", 30)
    second = await store.acquire(run, "me", 30)
    assert second.generation > first.generation
    await assert_lost(store, first)
    await store.commit(second, [start()], keep=3)


async def test_the_writer_of_a_deleted_run_is_refused(store: RunStore, run: str) -> None:
    first = await store.acquire(run, "first", 30)
    await store.commit(first, [start()], keep=3)
    await store.delete(run)
    await assert_lost(store, first)
    assert await store.latest(run) is None
    await store.acquire(run, "second", 30)
    await assert_lost(store, first)


async def test_of_many_that_want_a_run_one_gets_it(connect: Connect, run: str) -> None:
    stores = [await connect(), await connect()]

    async def acquire(number: int) -> Writer | RunHeld:
        try:
            return await stores[number % 2].acquire(run, f"holder {number}", 30)
        except RunHeld as refusal:
            return refusal

    answers = await asyncio.gather(*(acquire(number) for number in range(10)))
    [writer] = [answer for answer in answers if isinstance(answer, Writer)]
    assert {answer.holder for answer in answers if isinstance(answer, RunHeld)} == {writer.holder}


async def test_two_writers_never_both_write(connect: Connect, run: str) -> None:
    """They take the run from each other while both write: no commit of a lost generation lands."""
    stores = [await connect(), await connect()]
    written: list[tuple[int, int]] = []

    async def fight(store: RunStore, me: str) -> None:
        for _ in range(15):
            writer = await store.acquire(run, me, 30, take_over=True)
            latest = await store.latest(run)
            number = 0 if latest is None else latest.boundary.number + 1
            try:
                for further in range(3):
                    await store.commit(writer, [entry(number + further)], keep=1000)
                    written.append((number + further, writer.generation))
            except LeaseLost:
                pass

    await asyncio.gather(fight(stores[0], "a"), fight(stores[1], "b"))
    by_number = dict(sorted(written))
    assert len(by_number) == len(written), "a number was written twice"
    assert [boundary.number for boundary in await stores[0].history(run)] == sorted(by_number)
    generations = list(by_number.values())
    assert generations == sorted(generations), "an older generation wrote after a newer one"
