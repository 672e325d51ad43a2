"""The tables of a board in SQLite, and how an older file is brought up to date.

Times are microseconds since 1970; bodies are the JSON of `codec`, lists are JSON.
"""

import apsw

from agent_runtime.blackboard.stores.errors import StoreError, Unavailable

MIGRATIONS = (
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
    """
    -- made again, because what is compared must stand before the body: a long one is a chain of pages
    CREATE TABLE artifact_2 (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        correlation TEXT NOT NULL,
        producer TEXT NOT NULL,
        partition TEXT,
        made INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    INSERT INTO artifact_2
        SELECT position, id, type, correlation, producer, body ->> '$.partition',
            -- 2026-11-01T12:00:00.000001Z; the fraction is left out when it is 0, else it has six digits
            unixepoch(substr(body ->> '$.createdAt', 1, 19)) * 1000000
                + CAST(substr(body ->> '$.createdAt', 21, 6) AS INTEGER),
            body
        FROM artifact ORDER BY position;
    DROP TABLE artifact;
    ALTER TABLE artifact_2 RENAME TO artifact;
    CREATE INDEX artifact_type ON artifact (type, position);
    CREATE INDEX artifact_correlation ON artifact (correlation, position);
    CREATE INDEX artifact_producer ON artifact (producer, position);
    CREATE INDEX artifact_partition ON artifact (partition, position) WHERE partition IS NOT NULL;
    CREATE INDEX artifact_made ON artifact (made);
    CREATE TABLE pruned (artifacts INTEGER NOT NULL) STRICT;
    INSERT INTO pruned VALUES (0);

    -- state: 3 is gathered, in the slot of a part-filled group; base: attempts before the last replay;
    -- gathering: the group whose item it is or will be; sets: sizes of the joined sets that make a batch
    ALTER TABLE delivery ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE delivery ADD COLUMN sets TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE delivery ADD COLUMN gathering TEXT;
    ALTER TABLE delivery ADD COLUMN group_name TEXT;
    ALTER TABLE delivery ADD COLUMN slot INTEGER;
    CREATE INDEX delivery_gathered ON delivery (agent, group_name, slot, place) WHERE state = 3;

    ALTER TABLE dead_letter ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE dead_letter ADD COLUMN sets TEXT NOT NULL DEFAULT '[]';
    CREATE INDEX dead_letter_agent ON dead_letter (agent, place);

    -- a delivery or a dead letter is found from its first artifact by its name, from the others by this
    CREATE TABLE further (delivery TEXT NOT NULL, artifact TEXT NOT NULL, PRIMARY KEY (delivery, artifact))
        STRICT, WITHOUT ROWID;
    CREATE INDEX further_artifact ON further (artifact);
    INSERT INTO further SELECT name, value FROM delivery, json_each(artifacts) WHERE key > 0;
    INSERT INTO further SELECT name, value FROM dead_letter, json_each(artifacts) WHERE key > 0;
    """,
)


class NewerSchema(StoreError):
    """The file was written by a newer Covey."""


def failure(what: str, error: apsw.Error | None) -> Unavailable:
    """What an error of SQLite means for the board: what happened, to which file, and the cure."""
    match error:
        case apsw.FullError():
            return Unavailable(f"{what}: make room on the disk")
        case apsw.NotADBError() | apsw.CorruptError():
            return Unavailable(f"{what}: move it away, or restore a backup: covey board restore")
        case apsw.CantOpenError() | apsw.ReadOnlyError() | apsw.IOError() | apsw.PermissionsError():
            return Unavailable(f"{what}: see that its folder is there, and that both can be written")
        case _:
            return Unavailable(what)


def migrate(connection: apsw.Connection) -> None:
    """Bring the file up to date, step by step, each in its transaction. Raises NewerSchema."""
    version = connection.pragma("user_version")
    if version > len(MIGRATIONS):
        raise NewerSchema(
            f"{connection.filename} has schema {version}, this Covey knows only {len(MIGRATIONS)}:"
            " use the Covey that wrote it, or a newer one"
        )
    for number in range(version, len(MIGRATIONS)):
        with connection:
            connection.execute(MIGRATIONS[number])
            connection.pragma("user_version", number + 1)
