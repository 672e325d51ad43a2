"""The board of a script: its agents, and what is done with it from outside of them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, get_args

from pydantic import BaseModel

from agent_runtime.agents.consumer import GRACE, consume
from agent_runtime.api.agent import Visibility
from agent_runtime.api.base import seconds
from agent_runtime.blackboard import board as port
from agent_runtime.blackboard.access.tenants import Isolation
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import BoardEvent, Observer, log
from agent_runtime.blackboard.stores.records import DeadLetter
from agent_runtime.core.background import spawn
from agent_runtime.embedding.port import Embedder
from agent_runtime.sdk.agent import Agent
from agent_runtime.sdk.artifacts import together, type_of
from agent_runtime.sdk.backends import Backend, InProcessBackend, RemoteBackend, store_of
from agent_runtime.sdk.errors import UsageError
from agent_runtime.sdk.load import Load
from agent_runtime.sdk.plan import Plan
from agent_runtime.sdk.results import draft
from agent_runtime.telemetry.logs import keep_locals_out

M = TypeVar("M", bound=BaseModel)
_PAGE = 500


def log_warnings(event: BoardEvent) -> None:
    """Logs as a blackboard server does, but for what no agent consumes: the program itself reads that."""
    if event.kind != "unconsumed":
        log(event)


class Board:
    """Put agents on it, then `async with` it: they are at work within the block.

    Leaving the block ends them: what is under way is finished, or given back after `grace` seconds.
    """

    def __init__(
        self,
        store: str | Path | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        name: str = "board",
        types: Iterable[type[BaseModel]] = (),
        isolation: Isolation | None = None,
        embedder: Embedder | None = None,
        lease: str = "30s",
        max_deliveries: int = 5,
        max_concurrency: int | None = None,
        observer: Observer = log_warnings,
        grace: float = GRACE,
    ) -> None:
        """In memory; in a file of SQLite or a database with `store`; on a server with `url` and `token`.

        `name` tells boards in one database apart. `types` are classes that no agent names. `lease`,
        `max_deliveries` and `isolation` are as in a Blackboard's manifest, of which a server has its own.
        `embedder` is for `similar_to`, see `agent_runtime.embedding.build`; it is closed with the board.
        `max_concurrency` bounds the deliveries that all agents together work on at once. `observer` is told
        what happens on a board in this process; at first it logs what went wrong.
        """
        if url is not None and (store is not None or isolation is not None):
            raise UsageError(
                "url=... is a board on a server, store=... and isolation=... one in this process: not both"
            )
        if url is not None and token is None:
            raise UsageError(f"the board at {url} asks who you are: Board(url=..., token=...)")
        if isolation not in (None, *get_args(Isolation)):
            raise UsageError(
                f"isolation={isolation!r} is none: want 'Strict', 'Log', or None (visibility alone)"
            )
        if max_concurrency is not None and max_concurrency < 1:
            raise UsageError(f"max_concurrency={max_concurrency} would let nobody work: want at least 1")
        self._store = store
        self._url = url
        self._token = token or ""
        self._name = name
        self._types = tuple(types)
        self._isolation = isolation
        self._embedder = embedder
        self._lease = seconds(lease)
        self._max_deliveries = max_deliveries
        self._max_concurrency = max_concurrency
        self._observer = observer
        self._grace = grace
        self._agents: dict[str, Agent] = {}
        self._place: Backend | None = None
        self._registry = TypeRegistry([])
        self._load = Load()
        self._closing = AsyncExitStack()

    def agent(self, name: str, *, token: str | None = None) -> Agent:
        """A new agent; `token` is its own, on a server. Raises UsageError."""
        if self._place is not None:
            raise UsageError(f"agent {name!r} comes too late: put it on the board before `async with`")
        if name in self._agents:
            raise UsageError(f"there are two agents called {name!r} on this board: give one another name")
        self._agents[name] = agent = Agent(name, token=token)
        return agent

    async def __aenter__(self) -> Self:
        """Raises UsageError for agents that cannot work, and BoardError for what the board refuses."""
        if self._place is not None:
            raise UsageError("the board is open already")
        keep_locals_out()
        models = [model for agent in self._agents.values() for model in agent.models]
        self._registry = TypeRegistry(together([*self._types, *models]))
        plans = [agent.plan() for agent in self._agents.values()]
        async with AsyncExitStack() as closing:
            closing.callback(self._shut)
            self._place = await self._opened_place()
            closing.push_async_callback(self._place.close)
            await self._start(plans, self._place, closing)
            self._closing = closing.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    async def publish(
        self,
        *values: BaseModel | Draft,
        tags: Iterable[str] = (),
        partition: str | None = None,
        visibility: Visibility | Mapping[str, Any] | None = None,
        correlation: str | None = None,
    ) -> list[Artifact]:
        """Publish artifacts, all or none; they are stored when it returns.

        What is said beside the values holds for all of them; `draft` says it for one. Raises BoardError.
        """
        own = self._open.own
        said = partial(draft, tags=tags, partition=partition, visibility=visibility, correlation=correlation)
        drafts = [value if isinstance(value, Draft) else said(value) for value in values]
        self._check_types(drafts)
        return await own.publish(drafts)

    async def invoke(self, agent: str, value: BaseModel | Draft) -> Artifact:
        """Set one agent to work on this, and no other; returns the stored artifact. Raises BoardError."""
        place = self._open
        made = value if isinstance(value, Draft) else draft(value)
        self._check_types([made])
        return await place.invoke(agent, made)

    async def read(
        self, model: type[M], *, correlation: str | None = None, producer: str | None = None
    ) -> list[M]:
        """All artifacts of the class, oldest first; of one correlation or producer when named."""
        found = await self.artifacts(model, correlation=correlation, producer=producer)
        return [model.model_validate(artifact.payload) for artifact in found]

    async def artifacts(
        self,
        model: type[BaseModel] | None = None,
        *,
        correlation: str | None = None,
        producer: str | None = None,
    ) -> list[Artifact]:
        """As `read`, with ids, producers, tags and times; of all classes when none is named."""
        found: list[Artifact] = []
        cursor = None
        while True:
            page = await self._open.own.query(
                Query(
                    type=None if model is None else type_of(model).name,
                    correlation=correlation,
                    producer=producer,
                    limit=_PAGE,
                    cursor=cursor,
                )
            )
            found += page.artifacts
            cursor = page.cursor
            if cursor is None:
                return found

    async def follow(self, model: type[M], *, correlation: str | None = None) -> AsyncGenerator[M, None]:
        """All artifacts of the class, oldest first, and on as they are published. Does not end by itself."""
        query = Query(type=type_of(model).name, correlation=correlation)
        async for _, artifact in self._open.follow(query):
            yield model.model_validate(artifact.payload)

    async def dead_letters(self, limit: int = 100, agent: str | None = None) -> list[DeadLetter]:
        """What was given up, with its error, newest first. On a server this takes the role admin."""
        return await self._open.dead_letters(limit, agent)

    async def idle(self) -> None:
        """Return when no agent has anything to do any more.

        What waits for its time is not waited for: embargoes, part-filled joins and batches, later attempts.
        Raises UsageError for a board on a server.
        """
        place = self._open
        while True:
            await place.rest(self._agents)
            await self._load.none()
            if place.is_idle(self._agents):
                return

    @property
    def _open(self) -> Backend:
        if self._place is None:
            raise UsageError("the board is not open: do this inside `async with board:`")
        return self._place

    def _check_types(self, drafts: Iterable[Draft]) -> None:
        """A board in this process knows what its agents name; a server says itself what it does not know."""
        for one in drafts:
            if self._url is None and one.type not in self._registry:
                raise UsageError(
                    f"no agent of this board consumes or publishes {one.type}, so it does not know the type: "
                    f"say Board(types=[{one.type}])"
                )

    async def _opened_place(self) -> Backend:
        if self._url is not None:
            return RemoteBackend(self._url, self._token)
        store = store_of(self._store, self._name, timedelta(seconds=self._lease), self._max_deliveries)
        return await InProcessBackend.open(
            store, self._registry, self._isolation, self._embedder, self._observer
        )

    async def _start(self, plans: Sequence[Plan], place: Backend, closing: AsyncExitStack) -> None:
        """All agents subscribed and at work; `closing` ends them."""
        boards = {name: place.board(agent) for name, agent in self._agents.items()}
        shared = asyncio.Semaphore(self._max_concurrency) if self._max_concurrency is not None else None
        stop = asyncio.Event()
        consumers: list[asyncio.Task[None]] = []

        async def end() -> None:
            stop.set()
            place.drain()
            if consumers:
                await asyncio.wait(consumers)

        for engine in {id(each): each for plan in plans for each in plan.bound()}.values():
            closing.push_async_callback(engine.close)
        closing.push_async_callback(end)
        for plan in plans:
            self._agents[plan.name].sealed = True
            board = boards[plan.name]
            worker = plan.worker(plan.subscription(self._name, place.url, self._lease), shared=shared)
            await _subscribe(plan, board)
            on_load = partial(self._load.note, plan.name)
            task = consume(
                worker, board, stop, on_load=on_load, grace=self._grace, last_answer=place.last_answer
            )
            consumers.append(spawn(task, name=f"agent {plan.name}"))

    def _shut(self) -> None:
        self._place = None
        for agent in self._agents.values():
            agent.sealed = False


async def _subscribe(plan: Plan, board: port.Board) -> None:
    """Before the agent begins, so that what the board refuses is heard where the board is opened."""
    try:
        await board.subscribe(plan.consumes)
    except BoardError as error:
        message = f"agent {plan.name!r}: {error}"
        raise BoardError(error.code, message, status=error.status, details=error.details) from error
