"""What a run store does in SQLite, step by step; who calls sees to the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import apsw

from agent_runtime.core.times import micros, moment
from agent_runtime.durable.port import (
    Boundary,
    Entry,
    LeaseLost,
    NoSuchRun,
    Record,
    RunExists,
    RunHeld,
    RunSummary,
    Writer,
)

PAGE = 200
"""Records that are in memory at once."""
_ENTRY = "number, path, visit, action, at, body"
_BOUNDARY = "number, path, visit, action, at"


def acquire(db: apsw.Connection, run: str, holder: str, ttl: float, take_over: bool, now: datetime) -> Writer:
    """See `RunStore.acquire`."""
    row = db.execute("SELECT holder, generation, until FROM run WHERE name = ?", (run,)).get
    until = micros(now + timedelta(seconds=ttl))
    if row is None:
        db.execute(
            "INSERT INTO run (name, holder, generation, until) VALUES (?, ?, 1, ?)", (run, holder, until)
        )
        return Writer(run, holder, 1)
    held_by, generation, held_until = row
    if held_until > micros(now) and held_by != holder and not take_over:
        raise RunHeld(run, held_by, moment(held_until))
    db.execute(
        "UPDATE run SET holder = ?, generation = ?, until = ? WHERE name = ?",
        (holder, generation + 1, until, run),
    )
    return Writer(run, holder, generation + 1)


def renew(db: apsw.Connection, writer: Writer, ttl: float, now: datetime) -> None:
    """See `RunStore.renew`."""
    until = micros(now + timedelta(seconds=ttl))
    db.execute("UPDATE run SET until = ? WHERE id = ?", (until, _held(db, writer)))


def release(db: apsw.Connection, writer: Writer) -> None:
    """See `RunStore.release`."""
    db.execute(
        "UPDATE run SET until = 0 WHERE name = ? AND holder = ? AND generation = ?",
        (writer.run, writer.holder, writer.generation),
    )


def commit(
    db: apsw.Connection, writer: Writer, entries: Sequence[Entry], keep: int, drop: Sequence[tuple[str, int]]
) -> None:
    """See `RunStore.commit`."""
    row = db.execute(
        "SELECT id, (SELECT max(number) FROM entry WHERE run = run.id) FROM run"
        " WHERE name = ? AND holder = ? AND generation = ?",
        (writer.run, writer.holder, writer.generation),
    ).get
    if row is None:
        raise LeaseLost(writer.run, writer.generation)
    run, latest = row
    for entry in entries:
        if latest is None or entry.boundary.number > latest:
            _insert(db, run, entry)
    db.execute("DELETE FROM entry WHERE run = ? AND number <= ?", (run, entries[-1].boundary.number - keep))
    for path, visit in drop:
        db.execute("DELETE FROM record WHERE run = ? AND path = ? AND visit = ?", (run, path, visit))


def latest(db: apsw.Connection, run: str) -> Entry | None:
    """See `RunStore.latest`."""
    return _entry(db, f"SELECT {_ENTRY} FROM {_OF_RUN} ORDER BY number DESC LIMIT 1", (run,))


def entry(db: apsw.Connection, run: str, number: int) -> Entry | None:
    """See `RunStore.entry`."""
    return _entry(db, f"SELECT {_ENTRY} FROM {_OF_RUN} AND number = ?", (run, number))


def history(db: apsw.Connection, run: str) -> list[Boundary]:
    """See `RunStore.history`."""
    rows = db.execute(f"SELECT {_BOUNDARY} FROM {_OF_RUN} ORDER BY number", (run,))
    return [_boundary(*row) for row in rows]


def record(db: apsw.Connection, writer: Writer, records: Sequence[Record]) -> None:
    """See `RunStore.record`."""
    run = _held(db, writer)
    db.executemany(
        "INSERT OR REPLACE INTO record (run, path, visit, place, body) VALUES (?, ?, ?, ?, ?)",
        ((run, one.path, one.visit, one.index, one.body) for one in records),
    )


def page(db: apsw.Connection, run: str, path: str, visit: int, after: int | None) -> list[tuple[int, bytes]]:
    """The next records of a visit."""
    rows = db.execute(
        "SELECT place, record.body FROM record JOIN run ON run = run.id"
        " WHERE name = ? AND path = ? AND visit = ? AND (? IS NULL OR place > ?) ORDER BY place LIMIT ?",
        (run, path, visit, after, after, PAGE),
    )
    return [(index, body) for index, body in rows]


def count_records(db: apsw.Connection, run: str, path: str, visit: int) -> int:
    """See `RunStore.count_records`."""
    count: int = db.execute(
        "SELECT count(*) FROM record JOIN run ON run = run.id"
        " WHERE name = ? AND path = ? AND visit = ? AND place >= 0",
        (run, path, visit),
    ).get
    return count


def fork(db: apsw.Connection, run: str, number: int | None, into: str) -> Boundary:
    """See `RunStore.fork`."""
    found = latest(db, run) if number is None else entry(db, run, number)
    if found is None:
        raise NoSuchRun(run, number, [boundary.number for boundary in history(db, run)])
    if db.execute("SELECT id FROM run WHERE name = ?", (into,)).get is not None:
        if history(db, into) != [found.boundary]:
            raise RunExists(into)
        return found.boundary
    db.execute("INSERT INTO run (name, holder, generation, until) VALUES (?, '', 0, 0)", (into,))
    copy = db.last_insert_rowid()
    _insert(db, copy, found)
    db.execute(
        "INSERT INTO record SELECT ?, path, visit, place, body FROM record"
        " WHERE run = (SELECT id FROM run WHERE name = ?) AND path = '' AND visit = 0",
        (copy, run),
    )
    return found.boundary


def delete(db: apsw.Connection, run: str) -> None:
    """See `RunStore.delete`."""
    row = db.execute("DELETE FROM run WHERE name = ? RETURNING id", (run,)).get
    if row is not None:
        db.execute("DELETE FROM entry WHERE run = ?", (row,))
        db.execute("DELETE FROM record WHERE run = ?", (row,))


def runs(db: apsw.Connection, prefix: str, limit: int) -> list[RunSummary]:
    """See `RunStore.runs`."""
    rows = db.execute(
        f"SELECT name, {_BOUNDARY} FROM run JOIN entry ON run = run.id"
        " WHERE number = (SELECT max(number) FROM entry WHERE run = run.id) AND substr(name, 1, ?) = ?"
        " ORDER BY run.id DESC LIMIT ?",
        (len(prefix), prefix, limit),
    )
    return [RunSummary(name, _boundary(*row)) for name, *row in rows]


def cached(db: apsw.Connection, scope: str, key: str, now: datetime) -> bytes | None:
    """See `RunStore.cached`."""
    body: bytes | None = db.execute(
        "SELECT body FROM cache WHERE scope = ? AND key = ? AND until > ?", (scope, key, micros(now))
    ).get
    return body


def cache(db: apsw.Connection, scope: str, key: str, body: bytes, ttl: float, now: datetime) -> None:
    """See `RunStore.cache`; what is over is swept out on the way."""
    db.execute("DELETE FROM cache WHERE until <= ?", (micros(now),))
    db.execute(
        "INSERT OR REPLACE INTO cache (scope, key, until, body) VALUES (?, ?, ?, ?)",
        (scope, key, micros(now + timedelta(seconds=ttl)), body),
    )


_OF_RUN = "entry WHERE run = (SELECT id FROM run WHERE name = ?)"


def _held(db: apsw.Connection, writer: Writer) -> int:
    run: int | None = db.execute(
        "SELECT id FROM run WHERE name = ? AND holder = ? AND generation = ?",
        (writer.run, writer.holder, writer.generation),
    ).get
    if run is None:
        raise LeaseLost(writer.run, writer.generation)
    return run


def _insert(db: apsw.Connection, run: int, entry: Entry) -> None:
    at = entry.boundary
    db.execute(
        f"INSERT INTO entry (run, {_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (run, at.number, at.path, at.visit, at.action, micros(at.at), entry.body),
    )


def _entry(db: apsw.Connection, query: str, bindings: tuple[str | int, ...]) -> Entry | None:
    row = db.execute(query, bindings).get
    return None if row is None else Entry(_boundary(*row[:5]), row[5])


def _boundary(number: int, path: str, visit: int, action: str | None, at: int) -> Boundary:
    return Boundary(number, path, visit, action, moment(at))
