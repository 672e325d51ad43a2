"""Boards on every store, with a clock that is set by hand."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from agent_runtime.blackboard.events import BoardEvent
from agent_runtime.blackboard.service import BlackboardService
from agent_runtime.blackboard.stores.memory import MemoryStore
from agent_runtime.blackboard.stores.port import Store, Terms
from agent_runtime.blackboard.stores.postgres import PostgresStore
from agent_runtime.blackboard.stores.redis import RedisStore
from agent_runtime.blackboard.stores.sqlite import SqliteStore
from tests.contract.boards import REGISTRY, Clock
from tests.contract.servers import (
    PostgresServer,
    RedisServer,
    own_postgres,
    own_redis,
    shared_postgres,
    shared_redis,
)

__all__ = ["own_postgres", "own_redis", "shared_postgres", "shared_redis"]

TERMS = Terms(lease=timedelta(seconds=30), max_deliveries=3, max_pending=5)
_board_numbers = itertools.count(1)


Connect = Callable[[], Store]
"""Makes a new connection to the same data."""


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Connect:
    """A place for one board, without data yet."""
    match request.param:
        case "memory":
            return lambda: MemoryStore(TERMS)
        case "sqlite":
            return lambda: SqliteStore(tmp_path / "board.sqlite", TERMS)
        case "redis":
            redis: RedisServer = request.getfixturevalue("shared_redis")
            board = f"tests/board-{next(_board_numbers)}"
            return lambda: RedisStore(redis.url, board, TERMS)
        case _:
            postgres: PostgresServer = request.getfixturevalue("shared_postgres")
            board = f"tests/board-{next(_board_numbers)}"
            return lambda: PostgresStore(postgres.url, board, TERMS)


@pytest.fixture
def clock() -> Clock:
    """Stands still until it is advanced."""
    return Clock()


class Boards:
    """Services on one place: the first, further ones beside it, or the same after a restart."""

    def __init__(self, connect: Connect, clock: Clock, stack: AsyncExitStack) -> None:
        self._connect = connect
        self.clock = clock
        self.events: list[BoardEvent] = []
        self._stack = stack

    async def start(self) -> BlackboardService:
        """A new server process, as it were; it ends with the test."""
        return await self._stack.enter_async_context(self.service())

    def service(self) -> BlackboardService:
        """The same, not yet started."""
        return BlackboardService(
            self._connect(),
            REGISTRY,
            max_payload=1000,
            clock=self.clock,
            observer=self.events.append,
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
