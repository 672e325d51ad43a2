"""The contract of a vector store.

A collection has one dimension and holds entries: an id, a vector, and metadata to filter by. Nearness is
the cosine of the angle between two vectors, so their lengths do not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Scalar = str | int | float | bool
"""What metadata can be filtered by. As in JSON, 1 and 1.0 are equal, and 1 and true are not."""
MOST_DIMENSIONS = 2000
"""What every store can index."""
MOST_HITS = 1000
"""What one search may ask for."""


class VectorStoreError(Exception):
    """The store cannot do it, and would not later; the message says why, and what to do."""


class Unavailable(VectorStoreError):
    """The store cannot do it now: try again later."""


class Refused(VectorStoreError):
    """What was asked is not possible; nothing was done."""


class NoCollection(Refused):
    """There is none of that name."""

    def __init__(self, collection: str) -> None:
        super().__init__(f'there is no collection "{collection}": create it first')


@dataclass(frozen=True, slots=True)
class Entry:
    """A vector and what is known of it."""

    id: str
    vector: Sequence[float]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found."""

    id: str
    score: float
    """The cosine similarity, from -1 to 1."""
    metadata: Mapping[str, Any]


class VectorStore(Protocol):
    """Every method raises VectorStoreError.

    Collections and entries outlive a store that was closed, except where it keeps them in memory.
    """

    async def create(self, collection: str, dimension: int) -> None:
        """One that is there already, with this dimension, stays as it is; with another: Refused."""

    async def drop(self, collection: str) -> None:
        """With all its entries. One that is not there is as good as dropped."""

    async def upsert(self, collection: str, entries: Sequence[Entry]) -> None:
        """All of them or none; an entry replaces that with the same id, the last of two in `entries` too."""

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Ids that are not there are as good as deleted."""

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        top_k: int,
        *,
        where: Mapping[str, Scalar] | None = None,
        min_score: float = -1.0,
    ) -> list[Hit]:
        """The nearest entries, best first: at most `top_k`, none below `min_score`.

        Only entries whose metadata has every field of `where` with an equal value. A store may be
        approximate when a collection is large: it may miss an entry, but reports no wrong score.
        """

    async def count(self, collection: str) -> int:
        """How many entries there are."""

    async def close(self) -> None:
        """Let go of connections and files."""
