"""What every vector store does, on each of them."""

import heapq
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from agent_runtime.knowledge.vectors.port import (
    MOST_DIMENSIONS,
    Entry,
    Hit,
    NoCollection,
    Refused,
    VectorStore,
)
from tests.contract.vectors.conftest import Connect

EAST, NORTH, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
NORTH_EAST = (1.0, 1.0, 0.0)
WEST = (-1.0, 0.0, 0.0)


def ids(hits: list[Hit]) -> list[str]:
    return [hit.id for hit in hits]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.hypot(*one) / math.hypot(*other)


async def fill(store: VectorStore, **metadata: dict[str, Any]) -> None:
    """An entry for each name, all in one direction."""
    await store.upsert("words", [Entry(name, EAST, about) for name, about in metadata.items()])


async def found(store: VectorStore, **where: Any) -> set[str]:
    return set(ids(await store.search("words", EAST, 10, where=where)))


async def test_the_nearest_come_first_with_the_cosine_as_score(store: VectorStore) -> None:
    await store.upsert(
        "words",
        [Entry("west", WEST), Entry("up", UP), Entry("between", NORTH_EAST), Entry("east", (9.0, 0.0, 0.0))],
    )
    hits = await store.search("words", (0.5, 0.0, 0.0), 10)
    assert ids(hits) == ["east", "between", "up", "west"]
    assert [hit.score for hit in hits] == pytest.approx([1.0, math.sqrt(0.5), 0.0, -1.0], abs=1e-6)


async def test_at_most_top_k_and_none_below_the_least_score(store: VectorStore) -> None:
    await store.upsert("words", [Entry("east", EAST), Entry("between", NORTH_EAST), Entry("north", NORTH)])
    assert ids(await store.search("words", EAST, 2)) == ["east", "between"]
    assert ids(await store.search("words", EAST, 10, min_score=0.5)) == ["east", "between"]
    assert ids(await store.search("words", WEST, 10, min_score=0.5)) == []


async def test_metadata_comes_back_as_it_was(store: VectorStore) -> None:
    about = {"title": "Bees “and” \u2028 more", "n": 1, "x": 0.1, "big": 2**62, "ok": True, "none": None}
    nested = {**about, "tags": ["a", {"b": [1, 2.5, False]}], "": "no name", "a.b": {"c": {}}}
    await store.upsert("words", [Entry("bees", EAST, nested), Entry("plain", NORTH)])
    assert {hit.id: hit.metadata for hit in await store.search("words", EAST, 2)} == {
        "bees": nested,
        "plain": {},
    }


async def test_an_entry_replaces_that_with_its_id(store: VectorStore) -> None:
    await store.upsert("words", [Entry("a", EAST, {"v": 1})])
    await store.upsert("words", [Entry("a", UP, {"v": 2}), Entry("a", NORTH, {"v": 3})])
    assert await store.count("words") == 1
    (hit,) = await store.search("words", NORTH, 5)
    assert (hit.id, hit.metadata) == ("a", {"v": 3})
    assert hit.score == pytest.approx(1.0)
    assert await found(store, v=1) == set()


async def test_what_is_deleted_is_not_found(store: VectorStore) -> None:
    await fill(store, a={}, b={}, c={})
    await store.delete("words", ["a", "c", "never there"])
    await store.delete("words", [])
    assert await found(store) == {"b"}
    assert await store.count("words") == 1


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({"lang": "en"}, {"one", "two"}),
        ({"lang": "en", "n": 2}, {"two"}),
        ({"lang": "EN"}, set()),
        ({"n": 2.0}, {"two"}),
        ({"ok": True}, {"three"}),
        ({"n": True}, set()),
        ({"ok": 1}, set()),
        ({"n": "2"}, set()),
        ({"missing": "x"}, set()),
        ({"tags": "a"}, set()),
        ({"a.b": 'it"s'}, {"dotted"}),
        ({"a": 1}, set()),
        ({"b": -0.25}, {"dotted"}),
    ],
)
async def test_metadata_filters_by_equality(
    store: VectorStore, where: dict[str, Any], matches: set[str]
) -> None:
    await fill(
        store,
        one={"lang": "en", "n": 1},
        two={"lang": "en", "n": 2},
        three={"lang": "de", "ok": True, "tags": ["a"]},
        dotted={"a.b": 'it"s', "a": {"b": 1}, "b": -0.25},
    )
    assert await found(store, **where) == matches


async def test_a_rare_value_is_found_among_many_that_are_nearer(store: VectorStore) -> None:
    chance = random.Random(7)
    near = [Entry(f"near-{n}", (1.0, chance.random() / 100, 0.0), {"rare": False}) for n in range(1500)]
    far = [Entry(f"far-{n}", (-1.0, chance.random(), 0.5), {"rare": True}) for n in range(5)]
    await store.upsert("words", near + far)
    hits = await store.search("words", EAST, 5, where={"rare": True})
    assert sorted(ids(hits)) == [f"far-{n}" for n in range(5)]


async def test_the_nearest_of_many_are_nearly_those_of_an_exact_search(store: VectorStore) -> None:
    chance = random.Random(3)

    def vector() -> list[float]:
        return [chance.gauss(0, 1) for _ in range(24)]

    entries = [Entry(str(n), vector()) for n in range(2000)]
    await store.create("many", 24)
    await store.upsert("many", entries)
    agreed = 0
    for _ in range(10):
        question = vector()
        scores = {entry.id: cosine(question, entry.vector) for entry in entries}
        hits = await store.search("many", question, 10)
        assert [hit.score for hit in hits] == pytest.approx([scores[hit.id] for hit in hits], abs=1e-5)
        assert len(hits) == 10
        agreed += len({*ids(hits)} & {*heapq.nlargest(10, scores, key=scores.__getitem__)})
    assert agreed >= 90


async def test_as_many_hits_as_may_be_asked_for(store: VectorStore) -> None:
    await store.upsert("words", [Entry(str(n), (1.0, n / 1000, 0.0)) for n in range(1100)])
    assert set(ids(await store.search("words", EAST, 1000))) == {str(n) for n in range(1000)}


async def test_collections_stay_apart(store: VectorStore) -> None:
    await store.create("images / ../2", 2)
    await store.upsert("images / ../2", [Entry("a", (1.0, 0.0), {"kind": "image"})])
    await fill(store, a={"kind": "word"})
    assert (await store.search("images / ../2", (1.0, 0.0), 1))[0].metadata == {"kind": "image"}
    await store.drop("images / ../2")
    await store.drop("images / ../2")
    assert await found(store, kind="word") == {"a"}
    with pytest.raises(NoCollection, match=r'no collection "images / ../2": create it'):
        await store.count("images / ../2")


async def test_creating_it_again_keeps_it_and_another_dimension_is_refused(store: VectorStore) -> None:
    await fill(store, a={})
    await store.create("words", 3)
    with pytest.raises(Refused, match="has 3 dimensions already, not 4"):
        await store.create("words", 4)
    assert await found(store) == {"a"}
    await store.drop("words")
    await store.create("words", 4)
    assert await store.count("words") == 0


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry("a", (1.0, 0.0)), "2 dimensions, and the collection has 3"),
        (Entry("a", (0.0, 0.0, 0.0)), "no direction"),
        (Entry("a", (math.nan, 1.0, 0.0)), "no direction"),
        (Entry("a", (math.inf, 1.0, 0.0)), "no direction"),
        (Entry("a", (1e300, 0.0, 0.0)), "no direction"),
        (Entry("", EAST), "has 0 characters"),
        (Entry("a" * 513, EAST), "has 513 characters"),
        (Entry("a\0b", EAST), "NUL"),
        (Entry("a", EAST, {"x": {"deep": [math.nan]}}), "nan is no JSON number"),
        (Entry("a", EAST, {"x": ["\0"]}), "NUL"),
        (Entry("a", EAST, {"x": object()}), "no JSON"),
        (Entry("a", EAST, {"x": 2**64}), "no JSON"),
        (Entry("\ud800", EAST), "no JSON"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_nothing_of_it_is_kept(
    store: VectorStore, entry: Entry, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        await store.upsert("words", [Entry("good", EAST), entry])
    assert await store.count("words") == 0


async def test_what_cannot_be_asked_is_refused(store: VectorStore) -> None:
    with pytest.raises(Refused, match="2 dimensions, and the collection has 3"):
        await store.search("words", (1.0, 0.0), 1)
    for top_k in (0, -1, 1001):
        with pytest.raises(Refused, match=f"top_k is {top_k}, want 1 to 1000"):
            await store.search("words", EAST, top_k)
    for value in (None, ["a"], {"a": 1}, math.nan):
        with pytest.raises(Refused, match="where"):
            await store.search("words", EAST, 1, where={"x": value})  # type: ignore[dict-item]  # wrong, to be refused
    for dimension in (0, -1, MOST_DIMENSIONS + 1):
        with pytest.raises(Refused, match="want 1 to 2000"):
            await store.create("other", dimension)


async def test_a_collection_that_is_not_there_is_named(store: VectorStore) -> None:
    for asked in (
        store.search("nowhere", EAST, 1),
        store.upsert("nowhere", [Entry("a", EAST)]),
        store.delete("nowhere", ["a"]),
        store.count("nowhere"),
    ):
        with pytest.raises(NoCollection, match='"nowhere"'):
            await asked


@pytest.mark.parametrize("connect", ["pgvector", "qdrant"], indirect=True)
async def test_entries_outlive_the_store_object(connect: Connect) -> None:
    first = connect()
    await first.create("words", 3)
    await first.upsert("words", [Entry("a", EAST, {"n": 1})])
    await first.close()
    second = connect()
    (hit,) = await second.search("words", EAST, 5)
    assert (hit.id, hit.metadata) == ("a", {"n": 1})
    assert hit.score == pytest.approx(1.0)
    await second.close()
