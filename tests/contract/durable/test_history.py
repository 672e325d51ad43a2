"""Committing, reading back, forking, listing: the same on every store."""

import pytest

from agent_runtime.durable import Boundary, NoSuchRun, RunExists, RunStore
from tests.clocks import ManualClock
from tests.contract.durable.conftest import Connect
from tests.contract.durable.entries import AT, entry, item, recorded, start


async def test_what_was_committed_reads_back(store: RunStore, run: str) -> None:
    assert await store.latest(run) is None
    assert await store.history(run) == []
    writer = await store.acquire(run, "me", 30)
    assert await store.latest(run) is None
    await store.commit(writer, [start()], keep=5)
    body = b'{"text":"\\u0000 \xc3\xa9 \xe2\x82\xac"}'
    await store.commit(writer, [entry(1, body, action=None)], keep=5)
    assert await store.latest(run) == entry(1, body, action=None)
    assert await store.entry(run, 0) == start()
    assert await store.entry(run, 7) is None
    assert await store.history(run) == [Boundary(0, "", 0, None, AT), Boundary(1, "step/é", 1, None, AT)]


async def test_another_process_reads_it(connect: Connect, run: str) -> None:
    here, there = await connect(), await connect()
    writer = await here.acquire(run, "me", 30)
    await here.commit(writer, [start(), entry(1)], keep=5)
    assert await there.latest(run) == entry(1)


async def test_history_keeps_the_last(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    for number in range(12):
        await store.commit(writer, [entry(number)], keep=3)
    assert [boundary.number for boundary in await store.history(run)] == [9, 10, 11]
    assert await store.entry(run, 8) is None
    await store.commit(writer, [entry(number) for number in (20, 21)], keep=1)
    assert [boundary.number for boundary in await store.history(run)] == [21]


async def test_a_commit_that_comes_again_changes_nothing(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    for number in range(4):
        await store.commit(writer, [entry(number)], keep=3)
    late = entry(2, b'"late"')
    await store.commit(writer, [late], keep=3)
    await store.commit(writer, [entry(3)], keep=3)
    assert await store.latest(run) == entry(3)
    assert [boundary.number for boundary in await store.history(run)] == [1, 2, 3]
    assert await store.entry(run, 2) == entry(2)


async def test_large_bodies(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    large = b'"%s"' % (b"x" * 5_000_000)
    await store.commit(writer, [entry(0, large), entry(1, large)], keep=2)
    assert await store.entry(run, 0) == entry(0, large)
    assert await store.latest(run) == entry(1, large)


async def test_a_fork_starts_at_a_boundary(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.record(writer, [item(-1, path="", visit=0), item(0)])
    for number in range(4):
        await store.commit(writer, [entry(number)], keep=3)
    fork = f"{run}/fork"
    assert await store.fork(run, 2, fork) == entry(2).boundary
    assert await store.latest(fork) == entry(2)
    assert await store.history(fork) == [entry(2).boundary]
    assert await recorded(store, fork, path="", visit=0) == [(-1, b"[-1]")]
    assert await recorded(store, fork) == []

    # it goes on by itself
    other = await store.acquire(fork, "other", 30)
    await store.commit(other, [entry(3, b'"fork"')], keep=3)
    assert await store.latest(run) == entry(3)
    assert await store.latest(fork) == entry(3, b'"fork"')


async def test_the_latest_boundary_is_forked_when_none_is_named(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.commit(writer, [entry(0), entry(1)], keep=3)
    assert (await store.fork(run, None, f"{run}/fork")).number == 1


async def test_what_cannot_be_forked_is_said(store: RunStore, run: str) -> None:
    with pytest.raises(NoSuchRun, match="there is no run"):
        await store.fork(run, None, f"{run}/fork")
    writer = await store.acquire(run, "me", 30)
    await store.commit(writer, [entry(0), entry(1)], keep=3)
    with pytest.raises(NoSuchRun, match="has no boundary 9; kept are 0, 1") as fault:
        await store.fork(run, 9, f"{run}/fork")
    assert fault.value.known == (0, 1)
    with pytest.raises(RunExists):
        await store.fork(run, 0, run)


async def test_a_fork_may_be_asked_for_again_until_it_went_on(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.commit(writer, [entry(0), entry(1)], keep=3)
    fork = f"{run}/fork"
    assert await store.fork(run, 0, fork) == await store.fork(run, 0, fork)
    with pytest.raises(RunExists):
        await store.fork(run, 1, fork)
    other = await store.acquire(fork, "other", 30)
    await store.commit(other, [entry(1)], keep=3)
    with pytest.raises(RunExists):
        await store.fork(run, 0, fork)


async def test_what_is_deleted_is_gone(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.commit(writer, [entry(0)], keep=3)
    await store.record(writer, [item(0)])
    await store.delete(run)
    await store.delete(run)
    assert await store.latest(run) is None
    assert await recorded(store, run) == []
    assert await store.runs(run) == []
    again = await store.acquire(run, "me", 30)
    await store.commit(again, [start()], keep=3)
    assert await store.latest(run) == start()
    assert await recorded(store, run) == []


async def test_runs_are_listed_the_newest_first(store: RunStore, run: str, clock: ManualClock) -> None:
    for number in range(5):
        clock.advance(1)
        writer = await store.acquire(f"{run}/{number}", "me", 30)
        await store.commit(writer, [entry(0), entry(number + 1)], keep=3)
        await store.acquire(f"{run}/{number}/not started", "me", 30)
    first = await store.acquire(f"{run}/0", "me", 30)
    await store.commit(first, [entry(9)], keep=3)
    listed = await store.runs(f"{run}/")
    assert [one.run for one in listed] == [f"{run}/{number}" for number in (4, 3, 2, 1, 0)]
    assert [one.latest.number for one in listed] == [5, 4, 3, 2, 9]
    assert [one.run for one in await store.runs(f"{run}/", limit=2)] == [f"{run}/4", f"{run}/3"]
    assert f"{run}/4" in [one.run for one in await store.runs(limit=1000)]


async def test_results_are_cached_for_a_time(store: RunStore, run: str, clock: ManualClock) -> None:
    assert await store.cached(run, "key") is None
    await store.cache(run, "key", b"1", 60)
    await store.cache(run, "other", b"2", 600)
    assert await store.cached(run, "key") == b"1"
    assert await store.cached(f"{run}/other scope", "key") is None
    await store.cache(run, "key", b"3\n4", 60)
    assert await store.cached(run, "key") == b"3\n4"
    clock.advance(60)
    assert await store.cached(run, "key") is None
    assert await store.cached(run, "other") == b"2"
