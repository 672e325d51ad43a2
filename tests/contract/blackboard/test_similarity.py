"""Agents that ask for what means something, and boards that can tell."""

from collections.abc import Sequence

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.board import BoardError
from agent_runtime.embedding.hashing import HashingEmbedder
from agent_runtime.embedding.minilm import MiniLM
from agent_runtime.embedding.port import EmbeddingError, Vector
from tests.contract.boards import ADMIN, EDITOR, SCOUT, consumes, finding
from tests.contract.conftest import Boards


def about(text: str, least: float, **fields: object) -> Consumes:
    return consumes(similarTo={"text": text, "minScore": least}, **fields)


async def test_what_is_similar_comes_and_the_rest_does_not(boards: Boards) -> None:
    service = await boards.start(embedder=HashingEmbedder())
    await service.board(EDITOR).subscribe([about("a journey through space", 0.5)])
    await service.board(SCOUT).publish(
        [finding("the journey through space", id="near"), finding("cooking for two", id="far")]
    )
    [delivery] = await service.board(EDITOR).lease(10, 0)
    assert delivery.artifacts[0].id == "near"
    [verdict] = await service.explain("far", "editor")
    assert verdict.refused_by == "similarity"
    assert "similar to 'a journey through space', 0.5 is asked for" in verdict.message


@pytest.mark.parametrize("place", ["memory"], indirect=True)
async def test_a_model_knows_the_meaning_and_not_only_the_words(boards: Boards) -> None:
    service = await boards.start(embedder=MiniLM())
    await service.board(EDITOR).subscribe([about("space travel", 0.4)])
    await service.board(SCOUT).publish(
        [finding("astronauts on a rocket to Mars", id="near"), finding("a recipe for apple pie", id="far")]
    )
    [delivery] = await service.board(EDITOR).lease(10, 0)
    assert delivery.artifacts[0].id == "near"


async def test_the_other_checks_and_groups_go_with_it(boards: Boards) -> None:
    service = await boards.start(embedder=HashingEmbedder())
    entry = about("red wine", 0.6, where="payload.score > 1", batch={"size": 2, "within": "60s"})
    await service.board(EDITOR).subscribe([entry])
    scores = {"a": 1, "b": 2, "c": 3}
    await service.board(SCOUT).publish([finding("red wine", id=id_, score=n) for id_, n in scores.items()])
    [delivery] = await service.board(EDITOR).lease(10, 0)
    assert [artifact.id for artifact in delivery.artifacts] == ["b", "c"]


@pytest.mark.parametrize("place", ["memory"], indirect=True)
async def test_a_board_that_cannot_tell_says_so_to_who_asks(boards: Boards) -> None:
    service = await boards.start()
    with pytest.raises(BoardError) as refused:
        await service.board(EDITOR).subscribe([about("space", 0.5)])
    assert (refused.value.code, refused.value.details[0]["pointer"]) == (
        "invalid_subscription",
        "/0/similarTo",
    )
    assert "spec.embedding" in str(refused.value)


class Failing:
    """An embedder that can be away."""

    name = "failing"
    away = False

    def __init__(self) -> None:
        self._embedder = HashingEmbedder()

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self.away:
            raise EmbeddingError('Model "words" at http://words cannot be reached')
        return await self._embedder.embed(texts)

    async def close(self) -> None:
        pass


async def test_while_the_embedder_is_away_nothing_that_it_must_judge_is_taken(boards: Boards) -> None:
    embedder = Failing()
    service = await boards.start(embedder=embedder)
    await service.board(EDITOR).subscribe([about("red wine", 0.6)])
    await service.board(SCOUT).publish([finding("red wine", id="first")])
    embedder.away = True
    with pytest.raises(BoardError) as refused:
        await service.board(SCOUT).publish([finding("red wine", id="second")])
    assert (refused.value.code, refused.value.status) == ("embedder_unavailable", 503)
    assert await service.board(ADMIN).get("second") is None
    embedder.away = False
    await service.board(SCOUT).publish([finding("red wine", id="second")])
    found = [one.artifacts[0].id for one in await service.board(EDITOR).lease(10, 0)]
    assert found == ["first", "second"]
