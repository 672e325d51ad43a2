"""The database of vectors: connections and tables when they are needed, and what goes wrong made ours."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, TypeVar

import asyncpg

from agent_runtime.knowledge.vectors.port import Unavailable, VectorStoreError
from agent_runtime.storage.postgres import SchemaError, migrate

T = TypeVar("T")
Work = Callable[[Any], Awaitable[T]]
"""What is done within a transaction. It may be done again when the connection is lost."""

_SECONDS = 30.0
_CONNECTIONS = 8
_ATTEMPTS = 3
_SCHEMA = "covey_vectors"
_NO_EXTENSION = (asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFileError)


class Database:
    """A Postgres database with the schema `covey_vectors`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opening = asyncio.Lock()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def close(self) -> None:
        """Let go of all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def transaction(self, work: Work[T]) -> T:
        """Do the work all or not at all. Raises VectorStoreError."""
        with _ours():
            for _ in range(_ATTEMPTS - 1):
                with suppress(_Lost):
                    return await self._once(work)
            try:
                return await self._once(work)
            except _Lost as error:
                raise Unavailable(f"Postgres: {error.__cause__}") from error

    async def _once(self, work: Work[T]) -> T:
        pool = await self._opened()
        async with pool.acquire(timeout=_SECONDS) as connection:
            try:
                async with connection.transaction():
                    return await work(connection)
            except asyncpg.UndefinedTableError:
                await self.close()  # an emptied database gets its tables anew
                raise
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if _is_closed(connection):
                    raise _Lost from error
                raise
            except asyncpg.InternalClientError as error:
                # it has heard that Postgres ends, but not yet that the connection has ended
                if not _is_closed(connection):
                    connection.terminate()
                raise _Lost from error

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=_CONNECTIONS,
                    timeout=_SECONDS,
                    command_timeout=_SECONDS,
                    server_settings={"application_name": "covey vectors"},
                )
                try:
                    async with pool.acquire(timeout=_SECONDS) as connection:
                        await migrate(connection, _SCHEMA, files(__package__) / "migrations")
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            return self._pool


class _Lost(Exception):
    """The connection, perhaps while the transaction was committed: all that is done here may be repeated."""


def _is_closed(connection: Any) -> bool:
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:  # so much so that the pool has taken it back
        return True
    return closed


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except _NO_EXTENSION as error:
        raise VectorStoreError(
            f"Postgres: {error}: take a server with pgvector 0.8 or newer, as in the image pgvector/pgvector"
        ) from error
    except SchemaError as error:
        raise VectorStoreError(
            f"Postgres: {error}; its extension needs an administrator: CREATE EXTENSION vector"
        ) from error
    except TimeoutError as error:
        raise Unavailable(f"Postgres: no answer within {_SECONDS:g} s") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise Unavailable(f"Postgres: {type(error).__name__}: {error}") from error
