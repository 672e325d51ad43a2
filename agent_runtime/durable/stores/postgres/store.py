"""Runs in Postgres, shared by any number of processes. The tables are in the schema `covey_runs`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any

import asyncpg

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import (
    Boundary,
    Entry,
    LeaseLost,
    NoSuchRun,
    Record,
    RunExists,
    RunHeld,
    RunSummary,
    StoreError,
    StoreFull,
    Unavailable,
    Writer,
)
from agent_runtime.durable.stores.postgres import sql
from agent_runtime.storage.postgres import SchemaError, migrate

_CONNECTIONS = 16
_SECONDS = 30.0
_PAGE = 200
_LEAST = -(2**63)


class PostgresRunStore:
    """See `port.RunStore`."""

    def __init__(self, url: str, clock: Clock = SYSTEM_CLOCK) -> None:
        """`url` as postgresql://user:password@host:5432/database."""
        self._url = url
        self._clock = clock
        self._opening = asyncio.Lock()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Connections are made, and the tables, when they are needed."""

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        now = self._clock.now()
        until = now + timedelta(seconds=ttl)
        if rows := await self._fetch(sql.ACQUIRE, run, holder, now, until, take_over):
            return Writer(run, holder, rows[0]["generation"])
        for row in await self._fetch(sql.HOLDER, run):
            raise RunHeld(run, row["holder"], row["until"])
        # deleted between the two questions
        return await self.acquire(run, holder, ttl, take_over=take_over)

    async def renew(self, writer: Writer, ttl: float) -> None:
        await self._write(writer, sql.RENEW, self._clock.now() + timedelta(seconds=ttl))

    async def release(self, writer: Writer) -> None:
        until = self._clock.now()
        await self._fetch(sql.RENEW, writer.run, writer.holder, writer.generation, until)

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        boundaries = [entry.boundary for entry in entries]
        columns = (
            [at.number for at in boundaries],
            [at.path for at in boundaries],
            [at.visit for at in boundaries],
            [at.action for at in boundaries],
            [at.at for at in boundaries],
            [entry.body for entry in entries],
            boundaries[-1].number - keep,
        )
        if not drop:
            await self._write(writer, sql.COMMIT_ONLY, *columns)
        else:
            paths, visits = [path for path, _ in drop], [visit for _, visit in drop]
            await self._write(writer, sql.COMMIT_AND_DROP, *columns, paths, visits)

    async def latest(self, run: str) -> Entry | None:
        return _entry(await self._fetch(sql.LATEST, run))

    async def entry(self, run: str, number: int) -> Entry | None:
        return _entry(await self._fetch(sql.ENTRY, run, number))

    async def history(self, run: str) -> list[Boundary]:
        return [_boundary(row) for row in await self._fetch(sql.HISTORY, run)]

    async def record(self, writer: Writer, records: Sequence[Record]) -> None:
        # One statement may write a row once only: of several for one place the last one counts.
        last = {(one.path, one.visit, one.index): one.body for one in records}
        await self._write(
            writer,
            sql.RECORD,
            [path for path, _, _ in last],
            [visit for _, visit, _ in last],
            [index for _, _, index in last],
            list(last.values()),
        )

    async def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, bytes]]:
        least = _LEAST if after is None else after
        while page := await self._fetch(sql.PAGE, run, path, visit, least, _PAGE):
            for index, body in page:
                yield index, body
            least = page[-1]["place"]

    async def count_records(self, run: str, path: str, visit: int) -> int:
        count: int = (await self._fetch(sql.COUNT, run, path, visit))[0]["count"]
        return count

    async def fork(self, run: str, number: int | None, into: str) -> Boundary:
        found = await (self.latest(run) if number is None else self.entry(run, number))
        if found is None:
            raise NoSuchRun(run, number, [boundary.number for boundary in await self.history(run)])
        made = await self._fetch(sql.FORK, run, found.boundary.number, into)
        if not made and await self.history(into) != [found.boundary]:
            raise RunExists(into)
        return found.boundary

    async def delete(self, run: str) -> None:
        await self._fetch(sql.DELETE, run)

    async def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        return [RunSummary(row["name"], _boundary(row)) for row in await self._fetch(sql.RUNS, prefix, limit)]

    async def cached(self, scope: str, key: str) -> bytes | None:
        rows = await self._fetch(sql.CACHED, scope, key, self._clock.now())
        return rows[0]["body"] if rows else None

    async def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        now = self._clock.now()
        await self._fetch(sql.SWEEP, now)
        await self._fetch(sql.CACHE, scope, key, now + timedelta(seconds=ttl), body)

    async def _write(self, writer: Writer, statement: str, *args: object) -> None:
        if not await self._fetch(statement, writer.run, writer.holder, writer.generation, *args):
            raise LeaseLost(writer.run, writer.generation)

    async def _fetch(self, statement: str, *args: object) -> list[Any]:
        try:
            rows: list[Any] = await (await self._connected()).fetch(statement, *args, timeout=_SECONDS)
        except asyncpg.DiskFullError as error:
            raise StoreFull(f"Postgres: {error}: make room on its disk, then resume the run") from error
        except SchemaError as error:
            raise StoreError(f"Postgres: {error}") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            # TimeoutError is an OSError; the internal one: Postgres is just ending the connection
            raise Unavailable(f"Postgres: {type(error).__name__}: {error}") from error
        return rows

    async def _connected(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                pool = await asyncpg.create_pool(
                    self._url, min_size=0, max_size=_CONNECTIONS, timeout=_SECONDS
                )
                try:
                    async with pool.acquire() as connection:
                        await migrate(connection, "covey_runs", files(__package__) / "migrations")
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            return self._pool


def _entry(rows: Sequence[Any]) -> Entry | None:
    return Entry(_boundary(rows[0]), rows[0]["body"]) if rows else None


def _boundary(row: Any) -> Boundary:
    return Boundary(row["number"], row["path"], row["visit"], row["action"], row["at"])
