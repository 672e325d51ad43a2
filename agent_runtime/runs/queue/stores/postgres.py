"""The queue in Postgres, shared by any number of server processes. The tables are in the schema
`covey_queue`.

Sequence numbers come from one row, so that they become visible in their order: whoever follows the changes
misses none. Locks are taken in one order, a run's row before that one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from agent_runtime.durable.port import StoreFull, Unavailable
from agent_runtime.runs.queue.port import NotQueued
from agent_runtime.runs.queue.rules import Row, noteworthy
from agent_runtime.runs.queue.stores.port import COLUMNS, Rule, differences, values
from agent_runtime.storage.postgres import SchemaError, check_version

_SCHEMA = """
SELECT pg_advisory_xact_lock(7313970541207713);  -- several servers may start at once
CREATE SCHEMA IF NOT EXISTS covey_queue;
CREATE TABLE IF NOT EXISTS covey_queue.queued (
    run text PRIMARY KEY,
    queue text NOT NULL,
    place bigint NOT NULL,
    body bytea NOT NULL,
    state text NOT NULL,
    wanted text NOT NULL,
    generation bigint NOT NULL,
    attempts bigint NOT NULL,
    holder text,
    claim text,
    until bigint,
    settled bigint NOT NULL,
    outcome bytea,
    progress bytea,
    sequence bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS queued_waiting ON covey_queue.queued (queue, place, run) WHERE state = 'Waiting';
CREATE INDEX IF NOT EXISTS queued_until ON covey_queue.queued (until) WHERE state = 'Running';
CREATE INDEX IF NOT EXISTS queued_claim ON covey_queue.queued (queue, claim) WHERE claim IS NOT NULL;
CREATE INDEX IF NOT EXISTS queued_sequence ON covey_queue.queued (sequence);
CREATE TABLE IF NOT EXISTS covey_queue.last_sequence (one int PRIMARY KEY, number bigint NOT NULL);
INSERT INTO covey_queue.last_sequence VALUES (1, 0) ON CONFLICT DO NOTHING;
"""
_SECONDS = 5.0
_CONNECTIONS = 10
_SETTLED_AT_ONCE = 100
_ROW = f"SELECT {', '.join(COLUMNS)} FROM covey_queue.queued"
_NEXT = "WITH next AS (UPDATE covey_queue.last_sequence SET number = number + 1 RETURNING number)"
_INSERT = (
    f"{_NEXT} INSERT INTO covey_queue.queued ({', '.join(COLUMNS)}, sequence)"
    f" SELECT {', '.join(f'${n}' for n in range(1, len(COLUMNS) + 1))}, number FROM next"
    " ON CONFLICT (run) DO NOTHING RETURNING run"
)
_FIRST = f"{_ROW} WHERE state = 'Waiting' AND queue = $1 ORDER BY place, run LIMIT 1 FOR UPDATE SKIP LOCKED"
_DUE = f"{_ROW} WHERE state = 'Running' AND until <= $1 LIMIT {_SETTLED_AT_ONCE} FOR UPDATE SKIP LOCKED"


class PostgresQueueStore:
    """See `stores.port.QueueStore`."""

    def __init__(self, url: str) -> None:
        """`url` as postgresql://user:password@host:5432/database; tables that are missing are made."""
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._connecting = asyncio.Lock()

    async def open(self) -> None:
        """Connections are made when they are needed: a server may start before its Postgres, and says so."""

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def ping(self) -> None:
        async with self._connection() as connection:
            # a write that changes nothing: a standby would answer a mere SELECT
            await connection.execute("UPDATE covey_queue.last_sequence SET number = number WHERE number < 0")

    async def insert(self, row: Row) -> bool:
        async with self._connection() as connection:
            return await connection.fetchval(_INSERT, *values(row)) is not None

    async def get(self, run: str) -> Row | None:
        async with self._connection() as connection:
            return _row(await connection.fetchrow(f"{_ROW} WHERE run = $1", run))

    async def change(self, run: str, rule: Rule) -> Row:
        async with self._connection() as connection, connection.transaction():
            old = _row(await connection.fetchrow(f"{_ROW} WHERE run = $1 FOR UPDATE", run))
            if old is None:
                raise NotQueued(run)
            return await _put(connection, old, rule(old))

    async def claim(self, queue: str, claim: str | None, rule: Rule) -> Row | None:
        async with self._connection() as connection:
            if claim is not None:
                held = await connection.fetchrow(f"{_ROW} WHERE queue = $1 AND claim = $2", queue, claim)
                if held is not None:
                    return _row(held)
            async with connection.transaction():
                old = _row(await connection.fetchrow(_FIRST, queue))
                return None if old is None else await _put(connection, old, rule(old))

    async def settle(self, now: int, rule: Rule) -> int:
        async with self._connection() as connection:
            async with connection.transaction():
                for old in map(_row, await connection.fetch(_DUE, now)):
                    if old is not None:
                        await _put(connection, old, rule(old))
            return await _last(connection)

    async def counts(self) -> dict[tuple[str, str], int]:
        async with self._connection() as connection:
            found = await connection.fetch(
                "SELECT queue, state, count(*) FROM covey_queue.queued GROUP BY queue, state"
            )
        return {(queue, state): count for queue, state, count in found}

    async def delete(self, run: str) -> None:
        async with self._connection() as connection:
            await connection.execute("DELETE FROM covey_queue.queued WHERE run = $1", run)

    async def changes(self, after: int, limit: int) -> list[tuple[int, str]]:
        async with self._connection() as connection:
            if after > await _last(connection):  # the database was set back to an older one
                after = 0
            found = await connection.fetch(
                "SELECT sequence, run FROM covey_queue.queued WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                after,
                limit,
            )
        return [(sequence, run) for sequence, run in found]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """A connection to a database that has the tables. What goes wrong in the block is Unavailable."""
        try:
            async with (await self._connected()).acquire(timeout=_SECONDS) as connection:
                yield connection
        except SchemaError as error:
            raise Unavailable(f"Postgres: {error}") from error
        except asyncpg.DiskFullError as error:
            raise StoreFull(f"{type(error).__name__}: {error}") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            # TimeoutError is an OSError; the internal one: Postgres is just ending the connection
            raise Unavailable(f"{type(error).__name__}: {error}") from error

    async def _connected(self) -> asyncpg.Pool:
        async with self._connecting:
            if self._pool is None:
                pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=_CONNECTIONS,
                    timeout=_SECONDS,
                    command_timeout=_SECONDS,
                )
                try:
                    async with pool.acquire() as connection, connection.transaction():
                        check_version(connection.get_server_version().major)
                        await connection.execute(_SCHEMA)
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            return self._pool


async def _put(connection: Any, old: Row, new: Row) -> Row:
    changed = differences(old, new)
    if changed:
        assignments = [f"{name} = ${n}" for n, name in enumerate(changed, 2)]
        if noteworthy(old, new):
            assignments.append("sequence = (SELECT number FROM next)")
        sql = f"UPDATE covey_queue.queued SET {', '.join(assignments)} WHERE run = $1"
        if noteworthy(old, new):
            sql = f"{_NEXT} {sql}"
        await connection.execute(sql, old.run, *changed.values())
    return new


async def _last(connection: Any) -> int:
    number: int = await connection.fetchval("SELECT number FROM covey_queue.last_sequence")
    return number


def _row(found: Any) -> Row | None:
    return None if found is None else Row(*found)
