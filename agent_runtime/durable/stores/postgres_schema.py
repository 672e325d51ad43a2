"""Brings a Postgres database up to date: the numbered files of `migrations/`, each once, in a transaction.

An advisory lock lets one process do it while the others wait, and find it done.
"""

from collections.abc import Iterator
from importlib.resources import files

import asyncpg

from agent_runtime.durable.port import StoreError

_LOCK = 0x636F766579  # "covey"


async def migrate(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raises StoreError when the database was written by a newer Covey."""
    known = list(_migrations())
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS covey_runs")
        await connection.execute("CREATE TABLE IF NOT EXISTS covey_runs.migration (number int PRIMARY KEY)")
        done = await connection.fetchval("SELECT coalesce(max(number), 0) FROM covey_runs.migration")
        if done > len(known):
            raise StoreError(
                f"the database has schema {done} of runs, this Covey knows only {len(known)}: use the Covey "
                "that wrote it, or a newer one"
            )
        for number, statements in known[done:]:
            async with connection.transaction():
                await connection.execute(statements)
                await connection.execute("INSERT INTO covey_runs.migration VALUES ($1)", number)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


def _migrations() -> Iterator[tuple[int, str]]:
    folder = files(__package__) / "migrations"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield int(file.name.partition("_")[0]), file.read_text()
