"""An embedder behind a server that answers with what are no vectors."""

import json
from typing import Any

import pytest

from agent_runtime.embedding.endpoint import EndpointEmbedder
from agent_runtime.embedding.port import EmbeddingError, Vector
from tests.noting_server import Says, noting_server


async def embedded(data: Any, texts: tuple[str, ...] = ("one", "two")) -> list[Vector]:
    """What an embedder makes of an answer with this `data`."""
    body = json.dumps({"object": "list", "model": "m", "data": data}).encode()
    with noting_server(lambda each: Says(body)) as server:
        embedder = EndpointEmbedder("words", server.url, "m", None, 5)
        try:
            return await embedder.embed(texts)
        finally:
            await embedder.close()


def vector(index: Any, embedding: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": embedding}


async def test_vectors_belong_to_the_texts_that_their_index_names() -> None:
    assert await embedded([vector(1, [0, 2]), vector(0, [3, 0])]) == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    "data",
    [
        [vector(0, [1]), vector(0, [1])],
        [vector(7, [1]), vector(3, [1])],
        [vector(0, [1]), vector(-1, [1])],
        [vector(0, [1])],
        [vector(0, ["1"]), vector(1, [1])],
        [vector(0, "12"), vector(1, [1, 2])],
        [vector(0, {"1": 1}), vector(1, [1])],
        [vector(0, [1e308, 1e308]), vector(1, [1, 1])],
    ],
)
async def test_what_is_no_vector_for_each_text_is_refused(data: Any) -> None:
    with pytest.raises(
        EmbeddingError, match=r"answers with no list of embeddings .*: check that its spec.baseURL"
    ):
        await embedded(data)
