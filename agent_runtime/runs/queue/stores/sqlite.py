"""The queue in one SQLite file: durable (WAL, synchronous=FULL), for one server process."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from agent_runtime.durable.port import StoreError
from agent_runtime.durable.stores.sqlite.schema import failure
from agent_runtime.runs.queue.port import NotQueued
from agent_runtime.runs.queue.rules import Row, noteworthy
from agent_runtime.runs.queue.stores.port import COLUMNS, Rule, differences, values
from agent_runtime.storage.sqlite import SqliteThread

_SCHEMA = """
CREATE TABLE queued (
    run TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    place INTEGER NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL,
    wanted TEXT NOT NULL,
    generation INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    holder TEXT,
    claim TEXT,
    until INTEGER,
    settled INTEGER NOT NULL,
    outcome BLOB,
    progress BLOB,
    sequence INTEGER NOT NULL
) STRICT;
CREATE INDEX queued_waiting ON queued (queue, place, run) WHERE state = 'Waiting';
CREATE INDEX queued_until ON queued (until) WHERE state = 'Running';
CREATE INDEX queued_claim ON queued (queue, claim) WHERE claim IS NOT NULL;
CREATE INDEX queued_sequence ON queued (sequence);
CREATE TABLE last_sequence (number INTEGER NOT NULL) STRICT;
INSERT INTO last_sequence VALUES (0);
"""
_VERSION = 1
_ROW = f"SELECT {', '.join(COLUMNS)} FROM queued"
_INSERT = (
    f"INSERT INTO queued ({', '.join(COLUMNS)}, sequence) VALUES ({'?, ' * len(COLUMNS)}?)"
    " ON CONFLICT (run) DO NOTHING"
)


class SqliteQueueStore:
    """See `stores.port.QueueStore`."""

    def __init__(self, path: Path) -> None:
        self._thread = SqliteThread(path, _prepare, failure)

    async def open(self) -> None:
        await self._thread.start()

    async def close(self) -> None:
        await self._thread.stop()

    async def ping(self) -> None:
        # a write that changes nothing: a full or read-only disk is found out
        await self._thread.write(
            lambda db: db.execute("UPDATE last_sequence SET number = 0 WHERE number < 0")
        )

    async def insert(self, row: Row) -> bool:
        return await self._thread.write(lambda db: _insert(db, row))

    async def get(self, run: str) -> Row | None:
        return await self._thread.read(lambda db: _one(db, f"{_ROW} WHERE run = ?", run))

    async def change(self, run: str, rule: Rule) -> Row:
        return await self._thread.write(lambda db: _change(db, run, rule))

    async def claim(self, queue: str, claim: str | None, rule: Rule) -> Row | None:
        return await self._thread.write(lambda db: _claim(db, queue, claim, rule))

    async def settle(self, now: int, rule: Rule) -> int:
        due, last = await self._thread.read(lambda db: (_due(db, now), _last(db)))
        return await self._thread.write(lambda db: _settle(db, due, rule)) if due else last

    async def counts(self) -> dict[tuple[str, str], int]:
        return await self._thread.read(_counts)

    async def delete(self, run: str) -> None:
        await self._thread.write(lambda db: db.execute("DELETE FROM queued WHERE run = ?", (run,)))

    async def changes(self, after: int, limit: int) -> list[tuple[int, str]]:
        return await self._thread.read(lambda db: _changes(db, after, limit))


def _prepare(db: apsw.Connection) -> None:
    version = db.pragma("user_version")
    if version > _VERSION:
        raise StoreError(
            f"{db.filename} has schema {version}, this Covey knows only {_VERSION}:"
            " use the Covey that wrote it, or a newer one"
        )
    if version < _VERSION:
        with db:
            db.execute(_SCHEMA)
            db.pragma("user_version", _VERSION)


def _insert(db: apsw.Connection, row: Row) -> bool:
    if _one(db, f"{_ROW} WHERE run = ?", row.run) is not None:
        return False
    db.execute(_INSERT, (*values(row), _next(db)))
    return True


def _change(db: apsw.Connection, run: str, rule: Rule) -> Row:
    old = _one(db, f"{_ROW} WHERE run = ?", run)
    if old is None:
        raise NotQueued(run)
    return _put(db, old, rule(old))


def _claim(db: apsw.Connection, queue: str, claim: str | None, rule: Rule) -> Row | None:
    if claim is not None:
        held = _one(db, f"{_ROW} WHERE queue = ? AND claim = ?", queue, claim)
        if held is not None:
            return held
    first = f"{_ROW} WHERE state = 'Waiting' AND queue = ? ORDER BY place, run LIMIT 1"
    old = _one(db, first, queue)
    return None if old is None else _put(db, old, rule(old))


def _settle(db: apsw.Connection, due: list[str], rule: Rule) -> int:
    for run in due:
        with suppress(NotQueued):  # removed meanwhile
            _change(db, run, rule)
    return _last(db)


def _put(db: apsw.Connection, old: Row, new: Row) -> Row:
    changed = differences(old, new)
    if noteworthy(old, new):
        changed["sequence"] = _next(db)
    if changed:
        assignments = ", ".join(f"{name} = :{name}" for name in changed)
        db.execute(f"UPDATE queued SET {assignments} WHERE run = :run", {**changed, "run": old.run})
    return new


def _next(db: apsw.Connection) -> int:
    number: int = db.execute("UPDATE last_sequence SET number = number + 1 RETURNING number").get
    return number


def _last(db: apsw.Connection) -> int:
    number: int = db.execute("SELECT number FROM last_sequence").get
    return number


def _due(db: apsw.Connection, now: int) -> list[str]:
    found = db.execute("SELECT run FROM queued WHERE state = 'Running' AND until <= ?", (now,))
    return [run for (run,) in found]


def _changes(db: apsw.Connection, after: int, limit: int) -> list[tuple[int, str]]:
    if after > _last(db):  # the file was set back to an older one
        after = 0
    found = db.execute(
        "SELECT sequence, run FROM queued WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
    )
    return [(sequence, run) for sequence, run in found]


def _counts(db: apsw.Connection) -> dict[tuple[str, str], int]:
    found = db.execute("SELECT queue, state, count(*) FROM queued GROUP BY queue, state")
    return {(queue, state): count for queue, state, count in found}


def _one(db: apsw.Connection, sql: str, *parameters: Any) -> Row | None:
    row = db.execute(sql, parameters).fetchone()
    return None if row is None else Row(*row)
