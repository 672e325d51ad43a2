"""The contract of an embedder."""

from collections.abc import Sequence
from typing import Protocol

from agent_runtime.core.strict_json import printable

Vector = tuple[float, ...]
"""Of length 1, so that the cosine similarity of two is their dot product."""


class EmbeddingError(Exception):
    """The texts could not be embedded; the message says by whom and why."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class Embedder(Protocol):
    """Texts in, vectors out."""

    @property
    def name(self) -> str:
        """Which model it is; vectors of different models cannot be compared."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector for each text, all with as many dimensions. Raises EmbeddingError."""

    async def close(self) -> None:
        """Let go of connections and threads."""


def similarity(one: Vector, other: Vector) -> float:
    """The cosine similarity of two vectors of one embedder, from -1 to 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def normal(values: Sequence[float]) -> Vector:
    """The vector of length 1 in the same direction; the null vector stays as it is."""
    length = sum(value * value for value in values) ** 0.5
    return tuple(value / length for value in values) if length else tuple(values)
