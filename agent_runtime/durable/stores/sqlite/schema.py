"""The tables of runs in SQLite, and how an older file is brought up to date.

Times are microseconds since 1970. Runs are numbered in the order in which they were started. One b-tree for
each table and no foreign keys: a committed step costs a third less, most of it in the kernel.
"""

import apsw

from agent_runtime.durable.port import StoreError, StoreFull, Unavailable

_MIGRATIONS = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        holder TEXT NOT NULL,
        generation INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE entry (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        path TEXT NOT NULL,
        visit INTEGER NOT NULL,
        action TEXT,
        at INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE record (
        run INTEGER NOT NULL,
        path TEXT NOT NULL,
        visit INTEGER NOT NULL,
        place INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (run, path, visit, place)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE cache (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        until INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX cache_until ON cache (until);
    """,
)


def prepare(db: apsw.Connection) -> None:
    """Bring the file up to date, step by step, each in its transaction. Raises StoreError for a newer one."""
    version = db.pragma("user_version")
    if version > len(_MIGRATIONS):
        raise StoreError(
            f"{db.filename} has schema {version}, this Covey knows only {len(_MIGRATIONS)}: use the Covey "
            "that wrote it, or a newer one"
        )
    while version < len(_MIGRATIONS):
        # Several processes may open a new file at once: who comes second looks again.
        db.execute("BEGIN IMMEDIATE")
        with db:
            version = db.pragma("user_version")
            for number in range(version, len(_MIGRATIONS)):
                db.execute(_MIGRATIONS[number])
                version = number + 1
                db.pragma("user_version", version)
        db.execute("COMMIT")


def failure(what: str, error: apsw.Error | None) -> StoreError:
    """What an error of SQLite means for whoever uses the store."""
    match error:
        case apsw.FullError():
            return StoreFull(f"{what}: make room on the disk, then resume the run")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreError(
                f"{what}: the file is damaged; put a backup in its place, or begin with a new one"
            )
        case _:
            return Unavailable(what)
