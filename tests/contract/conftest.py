"""Boards on every store, with a clock that is set by hand."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.postgres.store import PostgresStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.blackboard.stores.redis.store import RedisStore
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from tests.contract.boards import REGISTRY, Clock
from tests.contract.inboxes import Inboxes
from tests.contract.servers import (
    PostgresServer,
    RedisServer,
    own_postgres,
    own_redis,
    shared_postgres,
    shared_redis,
)

__all__ = ["own_postgres", "own_redis", "shared_postgres", "shared_redis"]

TERMS = Limits(lease=timedelta(seconds=30), max_deliveries=3, max_pending=5)
_board_numbers = itertools.count(1)


Connect = Callable[[], Store]
"""Makes a new connection to the same data."""


@pytest.fixture
def terms() -> Limits:
    """The bounds of the place; a module that needs others has a fixture of its own."""
    return TERMS


KINDS = ("memory", "sqlite", "redis", "postgres")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, terms: Limits) -> Connect:
    """A place for one board, without data yet."""
    return connect_to(request.param, request, tmp_path, terms)


def connect_to(kind: str, request: pytest.FixtureRequest, tmp_path: Path, terms: Limits) -> Connect:
    """A place on that kind of store."""
    number = next(_board_numbers)
    match kind:
        case "memory":
            return lambda: MemoryStore(terms)
        case "sqlite":
            return lambda: SqliteStore(tmp_path / f"board-{number}.sqlite", terms)
        case "redis":
            redis: RedisServer = request.getfixturevalue("shared_redis")
            return lambda: RedisStore(redis.url, f"tests/board-{number}", terms)
        case _:
            postgres: PostgresServer = request.getfixturevalue("shared_postgres")
            return lambda: PostgresStore(postgres.url, f"tests/board-{number}", terms)


@pytest.fixture
def clock() -> Clock:
    """Stands still until it is advanced."""
    return Clock()


Open = Callable[[], Awaitable[Inboxes]]
"""Opens the place's inboxes, as one more server does; they are closed with the test."""


@pytest.fixture
async def open_inboxes(place: Connect, clock: Clock) -> AsyncIterator[Open]:
    """Opens inboxes on the place: the first, further ones beside them, or the same after a restart."""
    async with AsyncExitStack() as stack:

        async def open_() -> Inboxes:
            store = place()
            stack.push_async_callback(store.close)
            await store.open()
            return Inboxes(store, clock)

        yield open_


@pytest.fixture
async def inboxes(open_inboxes: Open) -> Inboxes:
    """Inboxes of one server."""
    return await open_inboxes()


class Boards:
    """Services on one place: the first, further ones beside it, or the same after a restart."""

    def __init__(self, connect: Connect, clock: Clock, stack: AsyncExitStack) -> None:
        self._connect = connect
        self.clock = clock
        self.events: list[BoardEvent] = []
        self._stack = stack

    async def start(self, **settings: Any) -> BlackboardService:
        """A new server process, as it were; it ends with the test."""
        return await self._stack.enter_async_context(self.service(**settings))

    def service(self, **settings: Any) -> BlackboardService:
        """The same, not yet started; with settings of the service beside those of the tests."""
        return BlackboardService(
            self._connect(),
            REGISTRY,
            max_payload=1000,
            clock=self.clock,
            observer=self.events.append,
            **settings,
        )

    def kinds(self, kind: str) -> list[BoardEvent]:
        """The events of one kind."""
        return [event for event in self.events if event.kind == kind]


@pytest.fixture
async def boards(place: Connect, clock: Clock) -> AsyncIterator[Boards]:
    """Starts services on the place."""
    async with AsyncExitStack() as stack:
        yield Boards(place, clock, stack)


@pytest.fixture
async def service(boards: Boards) -> BlackboardService:
    """One running service."""
    return await boards.start()
