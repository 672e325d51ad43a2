"""What artifacts and subscriptions mean, as vectors that can be compared."""

from collections.abc import Iterator, Sequence
from typing import Any

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.embedding.port import Embedder, EmbeddingError, Vector

_LONGEST = 8192
"""Characters of an artifact that are compared; models read fewer."""


class SimilarityIndex:
    """Asks a board's embedder. An embedder that does not answer is a refusal, for nothing may be guessed."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def of_subscribers(self, subscribers: Sequence[Subscriber]) -> dict[str, Vector]:
        """The vectors of all texts that something must be similar to. Raises BoardError, status 503."""
        texts = {
            one.similar_to.text
            for subscriber in subscribers
            for one in subscriber.consumes
            if one.similar_to is not None
        }
        wanted = sorted(texts)
        return dict(zip(wanted, await self._embed(wanted), strict=True))

    async def of_artifacts(self, artifacts: Sequence[Artifact]) -> list[Vector]:
        """A vector for each. Raises BoardError, status 503."""
        return await self._embed([text_of(artifact) for artifact in artifacts])

    async def _embed(self, texts: Sequence[str]) -> list[Vector]:
        if not texts:
            return []
        try:
            return await self._embedder.embed(texts)
        except EmbeddingError as error:
            raise BoardError("embedder_unavailable", str(error), status=503) from error

    async def close(self) -> None:
        """Let go of the embedder."""
        await self._embedder.close()


def text_of(artifact: Artifact) -> str:
    """All texts of the payload, in its order, a line each."""
    return "\n".join(_texts(artifact.payload))[:_LONGEST]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from _texts(part)
        case list():
            for part in value:
                yield from _texts(part)
