"""Vectors in Postgres by the extension pgvector (0.8 or newer), in the schema `covey_vectors`."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from agent_runtime.knowledge.vectors import pgvector_statements as sql
from agent_runtime.knowledge.vectors.checks import check_collection, check_entries, check_search
from agent_runtime.knowledge.vectors.pgvector_database import Database
from agent_runtime.knowledge.vectors.port import Entry, Hit, NoCollection, Refused, Scalar

_LEAST_EFFORT = 40
"""Candidates that the index looks at by itself; it needs at least as many as are asked for."""


class PgVectors:
    """See `port.VectorStore`."""

    def __init__(self, url: str, place: str) -> None:
        """`url` as postgresql://user:password@host:5432/database; `place`, as `namespace/name`, is whose
        collections these are.
        """
        self._database = Database(url)
        self._place = place

    async def create(self, collection: str, dimension: int) -> None:
        check_collection(collection, dimension)

        async def work(connection: Any) -> None:
            number = await connection.fetchval(sql.ADD_COLLECTION, self._place, collection, dimension)
            if number is not None:
                await connection.execute(sql.CREATE_TABLE.format(table=_table(number), dimension=dimension))
                return
            _, there = await self._find(connection, collection)
            if there != dimension:
                raise Refused(f'collection "{collection}" has {there} dimensions already, not {dimension}')

        await self._database.transaction(work)

    async def drop(self, collection: str) -> None:
        async def work(connection: Any) -> None:
            number = await connection.fetchval(sql.FORGET_COLLECTION, self._place, collection)
            if number is not None:
                await connection.execute(sql.DROP_TABLE.format(table=_table(number)))

        await self._database.transaction(work)

    async def upsert(self, collection: str, entries: Sequence[Entry]) -> None:
        newest = {entry.id: entry for entry in entries}

        async def work(connection: Any) -> None:
            table, dimension = await self._find(connection, collection)
            check_entries(entries, dimension)
            # in one order, so that two who write the same entries wait for each other and do not deadlock
            rows = [
                (id, [float(value) for value in entry.vector], _json(entry.metadata))
                for id, entry in sorted(newest.items())
            ]
            await connection.executemany(sql.UPSERT.format(table=table), rows)

        await self._database.transaction(work)

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        async def work(connection: Any) -> None:
            table, _ = await self._find(connection, collection)
            await connection.execute(sql.DELETE.format(table=table), ids)

        await self._database.transaction(work)

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        top_k: int,
        *,
        where: Mapping[str, Scalar] | None = None,
        min_score: float = -1.0,
    ) -> list[Hit]:
        async def work(connection: Any) -> list[Any]:
            table, dimension = await self._find(connection, collection)
            check_search(vector, top_k, where or {}, dimension)
            await connection.execute(sql.SEARCH_WELL, str(max(top_k, _LEAST_EFFORT)))
            direction = [float(value) for value in vector]
            rows: list[Any] = await connection.fetch(
                sql.SEARCH.format(table=table), direction, _json(where or {}), top_k
            )
            return rows

        rows = await self._database.transaction(work)
        return [
            Hit(row["id"], row["score"], orjson.loads(row["metadata"]))
            for row in rows
            if row["score"] >= min_score
        ]

    async def count(self, collection: str) -> int:
        async def work(connection: Any) -> int:
            table, _ = await self._find(connection, collection)
            return int(await connection.fetchval(sql.COUNT.format(table=table)))

        return await self._database.transaction(work)

    async def close(self) -> None:
        await self._database.close()

    async def _find(self, connection: Any, collection: str) -> tuple[str, int]:
        """The table of its entries, and its dimension. It stays until the transaction ends."""
        row = await connection.fetchrow(sql.KEPT_COLLECTION, self._place, collection)
        if row is None:
            raise NoCollection(collection)
        return _table(row["id"]), row["dimension"]


def _table(number: int) -> str:
    return f"covey_vectors.entry_{number}"


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value)).decode()
