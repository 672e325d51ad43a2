"""One thread that owns a SQLite connection, and commits in groups.

A commit waits for the disk. Whatever was asked meanwhile, or in the same turn of the event loop, goes into
the next transaction together; a step that is refused undoes itself alone. Nobody gets an answer before the
commit.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import apsw

T = TypeVar("T")
Step = Callable[[apsw.Connection], T]
"""What it does depends on the database alone: in a group it may be undone, and done again."""
Failure = Callable[[str, apsw.Error | None], Exception]
"""Makes the store's own error from what happened; the second is None when the file is not open."""

_LARGE_GROUP = 256
"""Steps, from which on a group does not wait for more."""
_BUSY_MILLISECONDS = 5000
_LOG_PAGES = 4000
"""16 MiB: pages that are written again and again meanwhile go into the file once."""
_CACHE_KIBIBYTES = 16 * 1024


@dataclass(slots=True)
class _Asked(Generic[T]):
    step: Step[T]
    writes: bool
    answer: asyncio.Future[T]
    value: T | None = None
    error: Exception | None = None


_STOP: list[_Asked[Any]] = []


class SqliteThread:
    """Runs steps on the connection, in the order in which they were asked."""

    def __init__(self, path: Path, prepare: Callable[[apsw.Connection], None], failure: Failure) -> None:
        """`prepare` is run once on the new connection, outside of a transaction.

        What SQLite raises, `failure` makes into an error of the store.
        """
        self._path = path
        self._prepare = prepare
        self._failure = failure
        self._turn: list[_Asked[Any]] = []
        self._asked: SimpleQueue[list[_Asked[Any]]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Open the file. Raises what `failure` makes, or what `prepare` raises."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="sqlite", daemon=True)
        self._thread.start()
        await opened

    async def stop(self) -> None:
        """Finish what was asked, then close the file."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._hand_over()
            self._asked.put(_STOP)
            await asyncio.to_thread(thread.join)

    async def read(self, step: Step[T]) -> T:
        """Run a step that writes nothing."""
        return await self._ask(step, writes=False)

    async def write(self, step: Step[T]) -> T:
        """Run a step; it is on disk when this returns. Whatever it raises has undone it."""
        return await self._ask(step, writes=True)

    async def _ask(self, step: Step[T], *, writes: bool) -> T:
        if self._thread is None or self._loop is None:
            raise self._failure(f"{self._path} is not open", None)
        answer: asyncio.Future[T] = self._loop.create_future()
        if not self._turn:
            # when those who got their answers together have all asked again: half as many commits
            self._loop.call_soon(self._hand_over)
        self._turn.append(_Asked(step, writes, answer))
        return await answer

    def _hand_over(self) -> None:
        if self._turn:
            self._asked.put(self._turn)
            self._turn = []

    # --- in the thread

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            connection = self._open()
        except Exception as error:
            failed = self._failed(error) if isinstance(error, apsw.Error) else error
            self._later(lambda: opened.set_exception(failed))
            return
        self._later(lambda: opened.set_result(None))
        running = True
        while running:
            group, running = self._next_group()
            if group:
                self._commit(connection, group)
                self._later(partial(_answer, group))
        connection.close()

    def _open(self) -> apsw.Connection:
        connection = open_durably(self._path)
        self._prepare(connection)
        return connection

    def _failed(self, error: apsw.Error) -> Exception:
        return self._failure(f"{type(error).__name__}: {error}: {self._path}", error)

    def _next_group(self) -> tuple[list[_Asked[Any]], bool]:
        """What was asked, and whether to go on."""
        group: list[_Asked[Any]] = []
        turn = self._asked.get()
        while turn:
            group += turn
            if len(group) >= _LARGE_GROUP:
                return group, True
            try:
                turn = self._asked.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _commit(self, connection: apsw.Connection, group: list[_Asked[Any]]) -> None:
        # A savepoint costs a third of a small step, and only one that writes before it is refused needs it.
        try:
            if not self._all(connection, group, self._step):
                connection.execute("ROLLBACK")
                self._all(connection, group, self._step_in_savepoint)
            connection.execute("COMMIT")
        except apsw.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for one in group:
                one.error = self._failed(error)

    def _all(
        self,
        connection: apsw.Connection,
        group: list[_Asked[Any]],
        take: Callable[[apsw.Connection, _Asked[Any]], bool],
    ) -> bool:
        """Every step in a transaction, which stays open; False when one left something behind."""
        connection.execute("BEGIN IMMEDIATE" if any(one.writes for one in group) else "BEGIN")
        return all(take(connection, one) for one in group)

    def _step_in_savepoint(self, connection: apsw.Connection, one: _Asked[Any]) -> bool:
        if not one.writes:
            return self._step(connection, one)
        connection.execute("SAVEPOINT step")
        if not self._step(connection, one):
            connection.execute("ROLLBACK TO step")
        connection.execute("RELEASE step")
        return True

    def _step(self, connection: apsw.Connection, one: _Asked[Any]) -> bool:
        """False when it failed after it had written something."""
        written = connection.total_changes()
        one.error = None
        try:
            one.value = one.step(connection)
        except apsw.Error as error:
            if not connection.in_transaction:
                raise  # SQLite has undone the whole group
            one.error = self._failed(error)
        except Exception as error:
            one.error = error
        return one.error is None or connection.total_changes() == written

    def _later(self, callback: Callable[[], object]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: nobody waits for the answer
            self._loop.call_soon_threadsafe(callback)


def _answer(group: list[_Asked[Any]]) -> None:
    for one in group:
        if one.answer.done():  # whoever asked was cancelled
            continue
        if one.error is not None:
            one.answer.set_exception(one.error)
        else:
            one.answer.set_result(one.value)


def open_durably(path: Path) -> apsw.Connection:
    """A connection whose commits are on disk when they return, and that waits for other processes."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", _LOG_PAGES)
    connection.pragma("cache_size", -_CACHE_KIBIBYTES)
    return connection
