"""Reading artifacts back, on every store: each filter, and filters together."""

from datetime import timedelta

import pytest

from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.port import Publication
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
