"""Records of visits under way."""

import pytest

from agent_runtime.durable import RunStore
from agent_runtime.durable.port import Record
from tests.contract.durable.conftest import Connect
from tests.contract.durable.entries import entry, item, recorded


async def test_records_come_by_index(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    assert await recorded(store, run) == []
    await store.record(writer, [item(10), item(2)])
    await store.record(writer, [item(-1), item(0)])
    assert await recorded(store, run) == [(-1, b"[-1]"), (0, b"[0]"), (2, b"[2]"), (10, b"[10]")]
    assert await store.count_records(run, "map", 1) == 3
    assert [index async for index, _ in store.records(run, "map", 1, after=0)] == [2, 10]


async def test_a_record_replaces_the_one_before(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.record(writer, [item(0), item(1), item(0, body=b"[1]")])
    await store.record(writer, [item(1, body=b'"a\\nb\n"')])
    assert await recorded(store, run) == [(0, b"[1]"), (1, b'"a\\nb\n"')]
    assert await store.count_records(run, "map", 1) == 2


async def test_visits_are_kept_apart(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    places = [("map", 1), ("map", 2), ("map/inner", 1), ("m", 11), ("", 0)]
    await store.record(
        writer, [item(0, path=path, visit=visit, body=b"%d" % n) for n, (path, visit) in enumerate(places)]
    )
    for number, (path, visit) in enumerate(places):
        assert await recorded(store, run, path=path, visit=visit) == [(0, b"%d" % number)]
    assert await recorded(store, f"{run}x") == []


async def test_a_commit_drops_the_records_of_the_visits_that_it_names(store: RunStore, run: str) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.record(writer, [item(0), item(0, visit=2), item(0, path="map/inner")])
    await store.commit(writer, [entry(0)], keep=3)
    assert await recorded(store, run) == [(0, b"[0]")]
    await store.commit(writer, [entry(1)], keep=3, drop=[("map", 1), ("map/inner", 1), ("unknown", 1)])
    assert await recorded(store, run) == []
    assert await store.count_records(run, "map", 1) == 0
    assert await recorded(store, run, path="map/inner") == []
    assert await recorded(store, run, visit=2) == [(0, b"[0]")]
    await store.record(writer, [item(5)])
    assert await recorded(store, run) == [(5, b"[5]")]


@pytest.mark.parametrize("count", [199, 200, 201, 1000])
async def test_many_records_come_page_by_page(store: RunStore, run: str, count: int) -> None:
    writer = await store.acquire(run, "me", 30)
    await store.record(writer, [item(index) for index in range(count)])
    assert await recorded(store, run) == [(index, b"[%d]" % index) for index in range(count)]
    assert await store.count_records(run, "map", 1) == count


async def test_two_processes_add_to_one_visit(connect: Connect, run: str) -> None:
    """As the pods of an indexed Job do, with the writer of the leg that waits for them."""
    here, there = await connect(), await connect()
    writer = await here.acquire(run, "me", 30)
    for index in range(0, 20, 2):
        await here.record(writer, [item(index)])
        await there.record(writer, [item(index + 1)])
    assert [index for index, _ in await recorded(here, run)] == list(range(20))


async def test_facts_about_items_lie_below_those_about_the_visit_and_are_none_of_them(
    store: RunStore, run: str
) -> None:
    writer = await store.acquire(run, "one", 30)
    await store.commit(writer, [entry(0)], keep=10)
    indices = [-10_000_011, -12, -11, -10, -2, -1, 0, 5]
    await store.record(writer, [Record("a", 1, index, b"%d" % index) for index in reversed(indices)])
    assert [index async for index, _ in store.records(run, "a", 1)] == indices
    assert [index async for index, _ in store.records(run, "a", 1, after=-11)] == [-10, -2, -1, 0, 5]
    assert await store.count_records(run, "a", 1) == 2
    await store.commit(writer, [entry(1)], keep=10, drop=[("a", 1)])
    assert [index async for index, _ in store.records(run, "a", 1)] == []
