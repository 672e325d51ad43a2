"""Where a board is: in this process on a store, or on a server."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard import board as port
from agent_runtime.blackboard.access.tenants import Isolation
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import Observer
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import DeadLetter, Limits
from agent_runtime.embedding.port import Embedder
from agent_runtime.sdk.agent import Agent
from agent_runtime.sdk.errors import UsageError
from agent_runtime.telemetry import traces

OWNER = Identity("user", "admin")
"""Whoever runs the script: the board is theirs, so they see everything."""


class Backend(Protocol):
    """A board, open."""

    url: str
    last_answer: float
    """Seconds within which agents that ask for something to do are answered, once it drains."""
    own: port.Board
    """The board as the script sees it."""

    def board(self, agent: Agent) -> port.Board:
        """The board as an agent sees it. Raises UsageError when it cannot be known there."""

    async def invoke(self, agent: str, draft: Draft) -> Artifact:
        """See `Board.invoke`."""

    def follow(self, query: Query) -> AsyncIterator[tuple[str, Artifact]]:
        """Artifacts with cursors, as they are published."""

    async def dead_letters(self, limit: int, agent: str | None) -> list[DeadLetter]:
        """The newest, newest first."""

    async def rest(self, agents: Collection[str]) -> None:
        """Return when none of these agents finds anything to do. Raises UsageError where that is unknown."""

    def is_idle(self, agents: Collection[str]) -> bool:
        """Whether `rest` would return at once."""

    def drain(self) -> None:
        """Let those go who wait for something to do."""

    async def close(self) -> None:
        """Let go of it."""


class InProcessBackend:
    """In this process."""

    url = ""
    last_answer = 1.0

    def __init__(self, service: BlackboardService, closing: AsyncExitStack) -> None:
        self._service = service
        self._closing = closing
        self.own: port.Board = service.board(OWNER)

    @classmethod
    async def open(
        cls,
        store: Store,
        types: TypeRegistry,
        isolation: Isolation | None,
        embedder: Embedder | None,
        observer: Observer,
    ) -> "InProcessBackend":
        """Raises BoardError when the store does not open."""
        closing = AsyncExitStack()
        service = BlackboardService(store, types, isolation=isolation, embedder=embedder, observer=observer)
        await closing.enter_async_context(service)
        return cls(service, closing)

    def board(self, agent: Agent) -> port.Board:
        if agent.token is not None:
            raise UsageError(f"agent {agent.name!r} has a token, which only a server asks for: leave it out")
        return self._service.board(agent.identity)

    async def invoke(self, agent: str, draft: Draft) -> Artifact:
        return (await self._service.invoke(OWNER, agent, draft))[1]

    async def follow(self, query: Query) -> AsyncIterator[tuple[str, Artifact]]:
        async with aclosing(self._service.follow(OWNER, query)) as artifacts:
            async for one in artifacts:
                yield one

    async def dead_letters(self, limit: int, agent: str | None) -> list[DeadLetter]:
        return await self._service.dead_letters(limit, agent)

    async def rest(self, agents: Collection[str]) -> None:
        await self._service.rest(agents)

    def is_idle(self, agents: Collection[str]) -> bool:
        return self._service.is_idle(agents)

    def drain(self) -> None:
        self._service.drain()

    async def close(self) -> None:
        await self._closing.aclose()


class RemoteBackend:
    """On a server."""

    last_answer = 0.0  # it does not know that they leave

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token
        self._closing = AsyncExitStack()
        self._http = HttpBoard(url, token, trace=traces.outgoing_headers)
        self._closing.push_async_callback(self._http.close)
        self.own: port.Board = self._http

    def board(self, agent: Agent) -> port.Board:
        identity = agent.identity
        if agent.token is None:
            raise UsageError(
                f"agent {agent.name!r} needs a token of its own for the board at {self.url}: "
                f"board.agent({agent.name!r}, token=...)"
            )
        if identity.labels or identity.tenant is not None:
            raise UsageError(
                f"agent {agent.name!r}: on a server its token says which labels and tenant it has: "
                "leave .labels() and .tenant() out"
            )
        board = HttpBoard(self.url, agent.token, trace=traces.outgoing_headers)
        self._closing.push_async_callback(board.close)
        return board

    async def invoke(self, agent: str, draft: Draft) -> Artifact:
        return await self._http.invoke(agent, draft)

    def follow(self, query: Query) -> AsyncIterator[tuple[str, Artifact]]:
        return self._http.follow(query)

    async def dead_letters(self, limit: int, agent: str | None) -> list[DeadLetter]:
        async with BoardAdmin(self.url, self._token) as admin:
            return await admin.dead_letters(limit, agent)

    async def rest(self, agents: Collection[str]) -> None:
        raise UsageError(
            f"idle() is for a board in this process: what is under way at {self.url} is not known here; "
            "wait for a result with follow(...)"
        )

    def is_idle(self, agents: Collection[str]) -> bool:
        return False

    def drain(self) -> None:
        """Its agents ask over HTTP, which ends when they do."""

    async def close(self) -> None:
        await self._closing.aclose()


def store_of(store: str | Path | None, name: str, lease: timedelta, max_deliveries: int) -> Store:
    """Memory when None, a file of SQLite, or a database by its URL, where `name` is the board.

    Raises UsageError for other URLs.
    """
    terms = Limits(lease=lease, max_deliveries=max_deliveries)
    if store is None:
        return MemoryStore(terms)
    scheme, is_url, _ = str(store).partition("://")
    # each is imported when it is wanted: a script in memory needs none of their libraries
    match scheme if is_url else "":
        case "":
            from agent_runtime.blackboard.stores.sqlite.store import SqliteStore

            return SqliteStore(Path(store), terms)
        case "redis" | "rediss":
            from agent_runtime.blackboard.stores.redis.store import RedisStore

            return RedisStore(str(store), name, terms)
        case "postgres" | "postgresql":
            from agent_runtime.blackboard.stores.postgres.store import PostgresStore

            return PostgresStore(str(store), name, terms)
        case other:
            # without the rest: it may hold a password
            raise UsageError(
                f"store={other}://... is no place for a board: want a file's name, redis://, rediss:// or "
                "postgresql://; for a blackboard's server say url=..."
            )
