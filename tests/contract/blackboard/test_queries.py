"""Reading artifacts back, on every store: each filter, and filters together."""

import random
from datetime import timedelta
from itertools import product

import pytest

from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.query_filters import fits
from agent_runtime.blackboard.stores.records import Publication
from tests.contract.boards import Clock
from tests.contract.inboxes import MICROSECOND, Inboxes, artifact

MADE = Clock().now
SECOND = timedelta(seconds=1)


@pytest.fixture
async def stocked(inboxes: Inboxes) -> Inboxes:
    """Five artifacts, 1 to 5, one a second."""
    fields: list[dict[str, object]] = [
        {"partition": "north"},
        {"partition": "south", "tags": ("x",)},
        {"partition": "north", "type": "Report"},
        {"correlation": "1"},
        {"partition": "north", "correlation": "1", "tags": ("x", "y"), "producer": "editor"},
    ]
    for n, one in enumerate(fields):
        await inboxes.publish([Publication(artifact(f"{n + 1}", MADE + n * SECOND, **one))])
    return inboxes


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(), "12345"),
        (Query(limit=2), "12"),
        (Query(partition="north"), "135"),
        (Query(partition="south"), "2"),
        (Query(partition="nor"), ""),
        (Query(partition=""), ""),
        (Query(partition="north", type="Finding"), "15"),
        (Query(partition="north", correlation="1"), "15"),
        (Query(partition="north", limit=2), "13"),
        (Query(since=MADE), "12345"),
        (Query(since=MADE + SECOND), "2345"),
        (Query(since=MADE + SECOND + MICROSECOND), "345"),
        (Query(since=MADE + 9 * SECOND), ""),
        (Query(until=MADE), ""),
        (Query(until=MADE + SECOND), "1"),
        (Query(until=MADE + SECOND + MICROSECOND), "12"),
        (Query(since=MADE + SECOND, until=MADE + 3 * SECOND), "23"),
        (Query(since=MADE + 3 * SECOND, until=MADE + SECOND), ""),
        (Query(since=MADE + SECOND, correlation="1"), "45"),
        (Query(until=MADE + 4 * SECOND, tag="x"), "2"),
        (Query(since=MADE + SECOND, partition="north", tag="y", producer="editor", type="Finding"), "5"),
    ],
    ids=str,
)
async def test_what_a_query_finds(stocked: Inboxes, query: Query, found: str) -> None:
    assert [artifact.id for _, artifact in await stocked.store.scan(query, 0)] == list(found)


async def test_a_page_begins_behind_the_last_one(stocked: Inboxes) -> None:
    query = Query(partition="north", since=MADE + SECOND, limit=1)
    [(position, first)] = await stocked.store.scan(query, 0)
    [(behind, second)] = await stocked.store.scan(query, position)
    assert (first.id, second.id) == ("3", "5")
    assert await stocked.store.scan(query, behind) == []


async def test_what_was_made_in_a_time_is_found_far_behind_the_cursor(inboxes: Inboxes) -> None:
    """Of 12,000, made one a second by clocks that differ by up to a minute."""
    chance = random.Random(7)
    times = [MADE + timedelta(seconds=n + chance.uniform(-60, 60)) for n in range(12_000)]
    there = [
        artifact(f"a{n}", at, type="Report" if n % 500 == 0 else "Finding") for n, at in enumerate(times)
    ]
    for at in range(0, len(there), 1000):
        await inboxes.publish([Publication(one) for one in there[at : at + 1000]])
    kept = await inboxes.store.scan(Query(limit=len(there)), 0)
    assert [one.id for _, one in kept] == [one.id for one in there]
    moments = [None, *(MADE + n * SECOND for n in (10, 7000, 7100, 11_995, 20_000))]
    for since, until, type_ in product(moments, moments, (None, "Report")):
        query = Query(type=type_, since=since, until=until, limit=20)
        fitting = [(at, one.id) for at, one in kept if fits(one, query)]
        for after in (0, kept[6950][0], kept[-2][0]):
            found = [(at, one.id) for at, one in await inboxes.store.scan(query, after)]
            assert found == [(at, id_) for at, id_ in fitting if at > after][:20], (query, after)
