"""The database of a board: connections, its tables, and what goes wrong made ours.

Connections and tables are made when they are needed: a server may start before its Postgres, and says so.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources import files
from typing import Any, TypeVar

import asyncpg

from agent_runtime.blackboard.stores.errors import StoreError, Unavailable
from agent_runtime.blackboard.stores.postgres import sql
from agent_runtime.storage.postgres import SchemaError, migrate

T = TypeVar("T")
Work = Callable[[Any, int], Awaitable[T]]
"""What is done on a connection, for the board with that number. It may be done twice."""

_SECONDS = 5.0
_CONNECTIONS = 16
_ATTEMPTS = 3
_SETTINGS = {
    "application_name": "covey blackboard",
    # a server that is stopped within a transaction must not hold up all others
    "idle_in_transaction_session_timeout": "3000",
    "tcp_keepalives_idle": "10",
}
_MET = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""Two servers met."""
_NO_TABLES = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)
_FAILED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Whatever asyncpg raises; InternalClientError when Postgres ends a connection in between two messages."""


class _Again(Exception):
    """Worth another attempt at once: the connection was an old one, or two servers met."""


class Database:
    """One board's part of a Postgres database."""

    def __init__(self, url: str, board: str) -> None:
        """`url` as postgresql://user:password@host:5432/database; `board` as `namespace/name`."""
        self._url = url
        self._name = board
        self._opening: asyncio.Task[tuple[Any, int]] | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._board: int | None = None
        self._closed = False

    async def close(self) -> None:
        """Let go of all connections, for good."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._pool is not None:
            self._pool.terminate()

    async def fetch(self, statement: str, *args: object) -> list[Any]:
        """The rows that a statement of `sql` gives. Raises StoreError."""

        async def work(connection: Any, board: int) -> list[Any]:
            rows: list[Any] = await connection.fetch(statement, board, *args)
            return rows

        return await self.run(work)

    async def transaction(self, work: Work[T]) -> T:
        """Do the work all or not at all. Raises StoreError."""

        async def whole(connection: Any, board: int) -> T:
            transaction = connection.transaction()
            try:
                await transaction.start()
                done = await work(connection, board)
            except BaseException:
                # where that fails the connection is lost; what led here, such as a cancellation, matters more
                with suppress(*_FAILED):
                    await transaction.rollback()
                raise
            await transaction.commit()
            return done

        return await self.run(whole)

    async def knows_board(self) -> bool:
        """Whether the board is among the database's; it is not added, as by all else. Raises StoreError."""
        with _unavailable():
            connection = await self._connected()
            try:
                return bool(await connection.fetchval(sql.BOARD_THERE, self._name))
            except _NO_TABLES:
                return False
            finally:
                connection.terminate()

    async def _connected(self) -> Any:
        """A connection beside the pool."""
        return await asyncpg.connect(
            self._url, timeout=_SECONDS, command_timeout=_SECONDS, server_settings=_SETTINGS
        )

    async def run(self, work: Work[T]) -> T:
        """Do the work on a connection, again when that is lost. Raises StoreError, and what `work` raises."""
        with _unavailable():
            for _ in range(_ATTEMPTS - 1):
                try:
                    return await self._once(work)
                except _Again:
                    continue
            return await self._once(work)

    async def _once(self, work: Work[T]) -> T:
        pool, board = await self._opened()
        async with pool.acquire(timeout=_SECONDS) as connection:
            try:
                return await work(connection, board)
            except _NO_TABLES:
                self._board = None  # an emptied database gets its tables anew
                raise
            except _MET as error:
                raise _Again from error
            except StoreError:
                raise
            except asyncpg.InternalClientError as error:
                # it has heard that Postgres ends, but not yet that the connection has ended
                if not _is_lost(connection):
                    connection.terminate()
                raise _Again from error
            except Exception as error:
                # on a connection that is lost asyncpg, and the event loop, raise whatever they stumble over
                if _is_lost(connection):
                    raise _Again from error
                raise

    async def _opened(self) -> tuple[Any, int]:
        """The pool and the board's number."""
        if self._pool is not None and self._board is not None and not self._closed:
            return self._pool, self._board
        if self._closed:
            raise Unavailable("Postgres: the store is closed")
        if self._opening is None:
            # a task of its own: changing the tables may take longer than anybody waits, and who asked may
            # be cancelled
            self._opening = asyncio.create_task(self._open(), name="blackboard opens Postgres")
            self._opening.add_done_callback(self._has_opened)
        async with asyncio.timeout(_SECONDS):
            return await asyncio.shield(self._opening)

    async def _open(self) -> tuple[Any, int]:
        connection = await self._connected()
        try:
            await migrate(connection, "covey_board", files(__package__) / "migrations")
            board = None
            while board is None:  # whom another server forestalls sees it at the second look only
                board = await connection.fetchval(sql.BOARD, self._name)
        finally:
            connection.terminate()
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=_CONNECTIONS,
                timeout=_SECONDS,
                command_timeout=_SECONDS,
                server_settings=_SETTINGS,
                reset=_leave,
            )
        self._board = int(board)
        return self._pool, self._board

    def _has_opened(self, opening: asyncio.Task[tuple[Any, int]]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever still waits gets it; asyncio is not to complain when nobody does

    @asynccontextmanager
    async def listening(self, hear: Callable[[str], None]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Pass on what is notified to the board; the function given raises Unavailable once that ends."""
        lost = asyncio.Event()
        with _unavailable():
            _, board = await self._opened()
            connection = await self._connected()
        try:
            with _unavailable():
                connection.add_termination_listener(lambda _: lost.set())
                await connection.add_listener(
                    f"covey_board_{board}", lambda _, __, ___, payload: hear(payload)
                )

            async def until_lost() -> None:
                while True:
                    try:
                        async with asyncio.timeout(_SECONDS):
                            await lost.wait()
                        raise Unavailable("Postgres: the connection that listens was lost")
                    except TimeoutError:
                        with _unavailable():  # a dead peer is found out by asking only
                            await connection.fetchval("SELECT 1")

            yield until_lost
        finally:
            connection.terminate()


def _is_lost(connection: Any) -> bool:
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:  # so much so that the pool has taken it back
        return True
    return closed


async def _leave(connection: Any) -> None:
    """Nothing that is done here outlives its transaction: what the pool would reset costs a round trip."""


@contextmanager
def _unavailable() -> Iterator[None]:
    """Every error of Postgres means that the store cannot do it now: away, starting, read-only, full."""
    try:
        yield
    except SchemaError as error:
        raise StoreError(f"Postgres: {error}") from error
    except _Again as error:
        raise Unavailable(f"Postgres: {type(error.__cause__).__name__}: {error.__cause__}") from error
    except TimeoutError as error:
        raise Unavailable(f"Postgres: no answer within {_SECONDS:g} s") from error
    except _FAILED as error:
        raise Unavailable(f"Postgres: {type(error).__name__}: {error}") from error
