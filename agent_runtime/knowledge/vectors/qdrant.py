"""Vectors in a folder, by the engine of Qdrant in this process; one process at a time may have it open."""

import asyncio
import hashlib
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson
import qdrant_edge as engine

from agent_runtime.knowledge.vectors.checks import check_collection, check_entries, check_search
from agent_runtime.knowledge.vectors.facts import facts
from agent_runtime.knowledge.vectors.port import (
    Entry,
    Hit,
    NoCollection,
    Refused,
    Scalar,
    VectorStoreError,
)

T = TypeVar("T")
_FACTS = "facts"
_ABOUT = "collection.json"


@dataclass(frozen=True, slots=True)
class _Collection:
    shard: engine.EdgeShard
    dimension: int


class QdrantVectors:
    """See `port.VectorStore`. What was answered survives `kill -9`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when it is needed, with one folder for each collection."""
        self._folder = folder
        self._collections: dict[str, _Collection] = {}
        # the engine blocks, and its shards are used by one thread at a time
        self._thread = ThreadPoolExecutor(1, "covey-qdrant")

    async def create(self, collection: str, dimension: int) -> None:
        check_collection(collection, dimension)
        await self._run(lambda: self._create(collection, dimension))

    async def drop(self, collection: str) -> None:
        def work() -> None:
            there = self._collections.pop(collection, None)
            if there is not None:
                there.shard.close()
            shutil.rmtree(self._place(collection), ignore_errors=True)

        await self._run(work)

    async def upsert(self, collection: str, entries: Sequence[Entry]) -> None:
        def work() -> None:
            into = self._find(collection)
            check_entries(entries, into.dimension)
            newest = {entry.id: entry for entry in entries}
            if newest:
                points = [_point(entry) for entry in newest.values()]
                into.shard.update(engine.UpdateOperation.upsert_points(points))
                into.shard.optimize()

        await self._run(work)

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        def work() -> None:
            into = self._find(collection)
            if ids:
                into.shard.update(engine.UpdateOperation.delete_points([_number(each) for each in ids]))

        await self._run(work)

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        top_k: int,
        *,
        where: Mapping[str, Scalar] | None = None,
        min_score: float = -1.0,
    ) -> list[Hit]:
        def work() -> list[engine.ScoredPoint]:
            among = self._find(collection)
            check_search(vector, top_k, where or {}, among.dimension)
            wanted: list[engine.ConditionType] = [
                engine.FieldCondition(_FACTS, match=engine.MatchValue(fact))
                for fact in sorted(facts(where or {}))
            ]
            return among.shard.search(
                engine.SearchRequest(
                    engine.Query.Nearest([float(value) for value in vector]),
                    top_k,
                    filter=engine.Filter(must=wanted),
                    with_payload=True,
                )
            )

        points = await self._run(work)
        return [_hit(point) for point in points if point.score >= min_score]

    async def count(self, collection: str) -> int:
        return await self._run(lambda: self._find(collection).shard.count(engine.CountRequest()))

    async def close(self) -> None:
        def work() -> None:
            while self._collections:
                self._collections.popitem()[1].shard.close()

        await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (VectorStoreError, asyncio.CancelledError):
            raise
        except Exception as error:  # the engine has no class of its own for its errors
            raise VectorStoreError(f"Qdrant in {self._folder}: {error}") from error

    def _create(self, collection: str, dimension: int) -> None:
        place = self._place(collection)
        if place.exists():
            there = self._find(collection).dimension
            if there != dimension:
                raise Refused(f'collection "{collection}" has {there} dimensions already, not {dimension}')
            return
        draft = place.with_suffix(".new")  # so that a place holds a whole collection or is not there
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        vectors = engine.EdgeVectorParams(size=dimension, distance=engine.Distance.Cosine)
        shard = engine.EdgeShard.create(str(draft / "shard"), engine.EdgeConfig(vectors=vectors))
        shard.update(engine.UpdateOperation.create_field_index(_FACTS, engine.PayloadSchemaType.Keyword))
        shard.close()
        (draft / _ABOUT).write_bytes(orjson.dumps({"name": collection, "dimension": dimension}))
        draft.rename(place)

    def _find(self, collection: str) -> _Collection:
        if collection not in self._collections:
            place = self._place(collection)
            if not place.exists():
                raise NoCollection(collection)
            about = orjson.loads((place / _ABOUT).read_bytes())
            shard = engine.EdgeShard.load(str(place / "shard"))
            self._collections[collection] = _Collection(shard, about["dimension"])
        return self._collections[collection]

    def _place(self, collection: str) -> Path:
        """Named by a hash: a collection's name may hold what no folder's can."""
        return self._folder / hashlib.sha256(collection.encode()).hexdigest()[:32]


def _number(id: str) -> uuid.UUID:
    """Points have numbers or UUIDs only."""
    return uuid.uuid5(uuid.NAMESPACE_OID, id)


def _point(entry: Entry) -> engine.Point:
    payload = {
        "id": entry.id,
        "metadata": orjson.dumps(
            dict(entry.metadata)
        ).decode(),  # as it is: the engine has its own view of JSON
        _FACTS: sorted(facts(entry.metadata)),
    }
    return engine.Point(_number(entry.id), [float(value) for value in entry.vector], payload)


def _hit(point: engine.ScoredPoint) -> Hit:
    payload = point.payload or {}
    return Hit(payload["id"], point.score, orjson.loads(payload["metadata"]))
