"""Vectors in memory: exact, up to some 20,000 entries within milliseconds."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson

from agent_runtime.knowledge.vectors.checks import check_collection, check_entries, check_search
from agent_runtime.knowledge.vectors.facts import facts
from agent_runtime.knowledge.vectors.port import Entry, Hit, NoCollection, Refused, Scalar

Row = npt.NDArray[np.float32]


@dataclass(slots=True)
class _Kept:
    direction: Row
    """Of length 1."""
    metadata: bytes
    """As JSON, so that nobody changes it from outside."""
    facts: frozenset[str]


@dataclass(slots=True)
class _Collection:
    dimension: int
    entries: dict[str, _Kept] = field(default_factory=dict)
    matrix: Row | None = None
    """All directions, in the order of `entries`; None: to be computed again."""

    def directions(self) -> Row:
        if self.matrix is None:
            rows = [entry.direction for entry in self.entries.values()]
            self.matrix = np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)
        return self.matrix


class MemoryVectors:
    """See `port.VectorStore`."""

    def __init__(self) -> None:
        self._collections: dict[str, _Collection] = {}

    async def create(self, collection: str, dimension: int) -> None:
        check_collection(collection, dimension)
        there = self._collections.setdefault(collection, _Collection(dimension))
        if there.dimension != dimension:
            raise Refused(
                f'collection "{collection}" has {there.dimension} dimensions already, not {dimension}'
            )

    async def drop(self, collection: str) -> None:
        self._collections.pop(collection, None)

    async def upsert(self, collection: str, entries: Sequence[Entry]) -> None:
        into = self._collection(collection)
        check_entries(entries, into.dimension)
        for entry in entries:
            metadata = orjson.dumps(dict(entry.metadata))
            into.entries[entry.id] = _Kept(_direction(entry.vector), metadata, facts(entry.metadata))
        into.matrix = None

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        into = self._collection(collection)
        for each in ids:
            into.entries.pop(each, None)
        into.matrix = None

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        top_k: int,
        *,
        where: Mapping[str, Scalar] | None = None,
        min_score: float = -1.0,
    ) -> list[Hit]:
        among = self._collection(collection)
        check_search(vector, top_k, where or {}, among.dimension)
        wanted = facts(where or {})
        scores = np.clip(among.directions() @ _direction(vector), -1.0, 1.0)
        found = [
            (float(score), id)
            for (id, kept), score in zip(among.entries.items(), scores, strict=True)
            if score >= min_score and wanted <= kept.facts
        ]
        best = heapq.nlargest(top_k, found, key=lambda each: each[0])
        return [Hit(id, score, orjson.loads(among.entries[id].metadata)) for score, id in best]

    async def count(self, collection: str) -> int:
        return len(self._collection(collection).entries)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _collection(self, name: str) -> _Collection:
        try:
            return self._collections[name]
        except KeyError:
            raise NoCollection(name) from None


def _direction(vector: Sequence[float]) -> Row:
    values = np.asarray(vector, np.float64)
    direction: Row = (values / np.linalg.norm(values)).astype(np.float32)
    return direction
