"""Runs in one SQLite file: durable (WAL, synchronous=FULL), for the processes of one machine."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import apsw

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import Boundary, Entry, Record, RunSummary, Unavailable, Writer
from agent_runtime.durable.stores.sqlite import transactions as steps
from agent_runtime.durable.stores.sqlite.schema import failure, prepare
from agent_runtime.storage.sqlite import SqliteThread, open_durably

T = TypeVar("T")


class SqliteRunStore:
    """See `port.RunStore`. What many runs commit at the same time goes to the disk together."""

    def __init__(self, path: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._thread = SqliteThread(path, prepare, failure)
        self._clock = clock

    async def open(self) -> None:
        await self._thread.start()

    async def close(self) -> None:
        await self._thread.stop()

    async def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        now = self._clock.now()
        return await self._thread.write(lambda db: steps.acquire(db, run, holder, ttl, take_over, now))

    async def renew(self, writer: Writer, ttl: float) -> None:
        now = self._clock.now()
        await self._thread.write(lambda db: steps.renew(db, writer, ttl, now))

    async def release(self, writer: Writer) -> None:
        await self._thread.write(lambda db: steps.release(db, writer))

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        await self._thread.write(lambda db: steps.commit(db, writer, entries, keep, drop))

    async def latest(self, run: str) -> Entry | None:
        return await self._thread.read(lambda db: steps.latest(db, run))

    async def entry(self, run: str, number: int) -> Entry | None:
        return await self._thread.read(lambda db: steps.entry(db, run, number))

    async def history(self, run: str) -> list[Boundary]:
        return await self._thread.read(lambda db: steps.history(db, run))

    async def record(self, writer: Writer, records: Sequence[Record]) -> None:
        await self._thread.write(lambda db: steps.record(db, writer, records))

    async def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, bytes]]:
        while page := await self._page(run, path, visit, after):
            for index, body in page:
                yield index, body
            after = page[-1][0]

    async def _page(self, run: str, path: str, visit: int, after: int | None) -> list[tuple[int, bytes]]:
        return await self._thread.read(lambda db: steps.page(db, run, path, visit, after))

    async def count_records(self, run: str, path: str, visit: int) -> int:
        return await self._thread.read(lambda db: steps.count_records(db, run, path, visit))

    async def fork(self, run: str, number: int | None, into: str) -> Boundary:
        return await self._thread.write(lambda db: steps.fork(db, run, number, into))

    async def delete(self, run: str) -> None:
        await self._thread.write(lambda db: steps.delete(db, run))

    async def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        return await self._thread.read(lambda db: steps.runs(db, prefix, limit))

    async def cached(self, scope: str, key: str) -> bytes | None:
        now = self._clock.now()
        return await self._thread.read(lambda db: steps.cached(db, scope, key, now))

    async def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        now = self._clock.now()
        await self._thread.write(lambda db: steps.cache(db, scope, key, body, ttl, now))


class BlockingSqliteRunStore:
    """See `port.BlockingRunStore`."""

    def __init__(self, path: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = path
        self._clock = clock
        self._db: apsw.Connection | None = None

    def open(self) -> None:
        try:
            db = open_durably(self._path)
            prepare(db)
        except apsw.Error as error:
            raise _failed(error) from error
        self._db = db

    def close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        now = self._clock.now()
        return self._write(lambda db: steps.acquire(db, run, holder, ttl, take_over, now))

    def renew(self, writer: Writer, ttl: float) -> None:
        self._write(lambda db: steps.renew(db, writer, ttl, self._clock.now()))

    def release(self, writer: Writer) -> None:
        self._write(lambda db: steps.release(db, writer))

    def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        self._write(lambda db: steps.commit(db, writer, entries, keep, drop))

    def latest(self, run: str) -> Entry | None:
        return self._read(lambda db: steps.latest(db, run))

    def entry(self, run: str, number: int) -> Entry | None:
        return self._read(lambda db: steps.entry(db, run, number))

    def history(self, run: str) -> list[Boundary]:
        return self._read(lambda db: steps.history(db, run))

    def record(self, writer: Writer, records: Sequence[Record]) -> None:
        self._write(lambda db: steps.record(db, writer, records))

    def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        while page := self._page(run, path, visit, after):
            yield from page
            after = page[-1][0]

    def _page(self, run: str, path: str, visit: int, after: int | None) -> list[tuple[int, bytes]]:
        return self._read(lambda db: steps.page(db, run, path, visit, after))

    def count_records(self, run: str, path: str, visit: int) -> int:
        return self._read(lambda db: steps.count_records(db, run, path, visit))

    def fork(self, run: str, number: int | None, into: str) -> Boundary:
        return self._write(lambda db: steps.fork(db, run, number, into))

    def delete(self, run: str) -> None:
        self._write(lambda db: steps.delete(db, run))

    def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        return self._read(lambda db: steps.runs(db, prefix, limit))

    def cached(self, scope: str, key: str) -> bytes | None:
        return self._read(lambda db: steps.cached(db, scope, key, self._clock.now()))

    def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        self._write(lambda db: steps.cache(db, scope, key, body, ttl, self._clock.now()))

    def _read(self, step: Callable[[apsw.Connection], T]) -> T:
        return self._do("BEGIN", step)

    def _write(self, step: Callable[[apsw.Connection], T]) -> T:
        return self._do("BEGIN IMMEDIATE", step)

    def _do(self, begin: str, step: Callable[[apsw.Connection], T]) -> T:
        db = self._db
        if db is None:
            raise Unavailable(f"{self._path} is not open")
        try:
            db.execute(begin)
            result = step(db)
            db.execute("COMMIT")
        except apsw.Error as error:
            raise _failed(error) from error
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
        return result


def _failed(error: apsw.Error) -> Exception:
    return failure(f"{type(error).__name__}: {error}", error)
