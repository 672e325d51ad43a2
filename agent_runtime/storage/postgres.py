"""Brings a schema of a Postgres database up to date: the numbered .sql files of a folder, each once.

An advisory lock lets one process do it while the others wait, and find it done.
"""

from collections.abc import Iterator
from importlib.resources.abc import Traversable

import asyncpg

_LOCK = 0x636F766579  # "covey"
_PATIENCE = 3600.0
"""Seconds: large tables take their time, and so does another process that is just changing them."""


OLDEST = 15
"""The tests run on this release."""


class SchemaError(Exception):
    """The database cannot be brought up to date; the message says why, and what to do."""


async def migrate(connection: "asyncpg.Connection[asyncpg.Record]", schema: str, folder: Traversable) -> None:
    """Run what `folder` has and `schema` has not seen, in one transaction.

    Raises SchemaError when the database was written by a newer Covey, when its user may not make tables, or
    when the server is too old.
    """
    check_version(connection.get_server_version().major)
    known = list(_migrations(folder))
    try:
        async with connection.transaction():
            # the transaction's, not the session's: whatever happens here, the lock does not outlive it
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_PATIENCE)
            if await connection.fetchval("SELECT to_regnamespace($1) IS NULL", schema):
                await connection.execute(f"CREATE SCHEMA {schema}")
            table = f"{schema}.migration"
            await connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (number int PRIMARY KEY)")
            done = await connection.fetchval(f"SELECT coalesce(max(number), 0) FROM {table}")
            if done > len(known):
                raise SchemaError(
                    f"the schema {schema} of the database is at version {done}, this Covey knows only "
                    f"{len(known)}: use the Covey that wrote it, or a newer one"
                )
            for number, statements in known[done:]:
                await connection.execute(statements, timeout=_PATIENCE)
                await connection.execute(f"INSERT INTO {table} VALUES ($1)", number)
    except asyncpg.InsufficientPrivilegeError as error:
        raise SchemaError(
            f"{error}: let the user of the URL make schemas in the database, or make the schema {schema} "
            "and let that user own it"
        ) from error


def check_version(major: int) -> None:
    """Raises SchemaError for a server that is older than those that Covey works with."""
    if major < OLDEST:
        raise SchemaError(
            f"the server is PostgreSQL {major}, and Covey needs {OLDEST} or newer: upgrade the server, or "
            "name another one in the store's URL"
        )


def _migrations(folder: Traversable) -> Iterator[tuple[int, str]]:
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield int(file.name.partition("_")[0]), file.read_text()
