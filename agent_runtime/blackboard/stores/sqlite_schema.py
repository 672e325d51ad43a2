"""The tables of a board in SQLite, and how an older file is brought up to date.

Times are microseconds since 1970; bodies are the JSON of `codec`.
"""

import apsw

_MIGRATIONS = (
    """
    CREATE TABLE artifact (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        correlation TEXT NOT NULL,
        producer TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX artifact_type ON artifact (type, position);
    CREATE INDEX artifact_correlation ON artifact (correlation, position);
    CREATE INDEX artifact_producer ON artifact (producer, position);

    CREATE TABLE tag (tag TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (tag, position))
        STRICT, WITHOUT ROWID;

    CREATE TABLE subscriber (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        agent TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE subscriber_version (version INTEGER NOT NULL) STRICT;
    INSERT INTO subscriber_version VALUES (0);

    -- state: 0 ready, 1 waits for its time, 2 held; timer: when time will change a state other than ready
    CREATE TABLE delivery (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        agent TEXT NOT NULL,
        artifacts TEXT NOT NULL,
        priority INTEGER NOT NULL,
        state INTEGER NOT NULL,
        timer INTEGER NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX delivery_ready ON delivery (agent, priority DESC, place) WHERE state = 0;
    CREATE INDEX delivery_timer ON delivery (timer) WHERE state <> 0;

    CREATE TABLE inbox (agent TEXT PRIMARY KEY, pending INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE finished (lease TEXT PRIMARY KEY, results TEXT NOT NULL, at INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE INDEX finished_at ON finished (at);

    CREATE TABLE dead_letter (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        agent TEXT NOT NULL,
        artifacts TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        error TEXT NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    """,
)


class NewerSchema(Exception):
    """The file was written by a newer Covey."""


def migrate(connection: apsw.Connection) -> None:
    """Bring the file up to date, step by step, each in its transaction. Raises NewerSchema."""
    version = connection.pragma("user_version")
    if version > len(_MIGRATIONS):
        raise NewerSchema(
            f"{connection.filename} has schema {version}, this Covey knows only {len(_MIGRATIONS)}:"
            " use the Covey that wrote it, or a newer one"
        )
    for number in range(version, len(_MIGRATIONS)):
        with connection:
            connection.execute(_MIGRATIONS[number])
            connection.pragma("user_version", number + 1)
