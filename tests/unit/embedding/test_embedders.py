"""Texts that mean the same are similar, by every embedder and for a reason of its own."""

from collections.abc import Sequence

import pytest

from agent_runtime.embedding.hashing import HashingEmbedder
from agent_runtime.embedding.minilm import MiniLM
from agent_runtime.embedding.port import Embedder, Vector, normal, similarity
from agent_runtime.embedding.remembered import RememberedEmbedder


async def scores(embedder: Embedder, text: str, *others: str) -> list[float]:
    first, *rest = await embedder.embed([text, *others])
    return [round(similarity(first, other), 3) for other in rest]


async def test_minilm_gives_the_published_figures() -> None:
    """The example and the scores of the model's own page."""
    model = MiniLM()
    try:
        assert await scores(
            model,
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ) == [0.695, 0.943, 0.257]
    finally:
        await model.close()


async def test_minilm_takes_what_is_longer_than_it_reads_and_what_is_empty() -> None:
    model = MiniLM()
    try:
        long, same, empty = await model.embed(["space " * 1000, "space " * 300, ""])
    finally:
        await model.close()
    assert long == same
    assert similarity(empty, empty) == pytest.approx(1.0, abs=1e-5)


async def test_a_text_has_the_same_vector_alone_and_among_longer_ones() -> None:
    model = MiniLM()
    try:
        [alone] = await model.embed(["bees"])
        among, _ = await model.embed(["bees", "a text with many more words than the first one has"])
    finally:
        await model.close()
    assert similarity(alone, among) == pytest.approx(1.0, abs=1e-5)


async def test_hashing_sees_shared_words_only() -> None:
    embedder = HashingEmbedder()
    same, shared, other = await scores(
        embedder, "space travel", "Travel, space!", "space opera", "cooking for two"
    )
    assert same == 1.0
    assert 0.2 < shared < 0.8
    assert abs(other) < 0.2


class Counted:
    """An embedder that notes what it is asked."""

    name = "counted"

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.asked += texts
        return [normal([float(len(text)), 1.0]) for text in texts]

    async def close(self) -> None:
        pass


async def test_what_was_asked_lately_is_not_asked_again() -> None:
    counted = Counted()
    embedder = RememberedEmbedder(counted, most=2)
    assert len(await embedder.embed(["a", "bb", "a"])) == 3
    await embedder.embed(["bb", "ccc"])  # "a" is the oldest now, and goes
    await embedder.embed(["bb", "a"])
    assert counted.asked == ["a", "bb", "ccc", "a"]
