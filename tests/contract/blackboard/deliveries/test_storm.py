"""Server processes, their store and the agents' calls, while one after the other is killed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError, Delivery, Query
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.compile.blackboard import STORE_URL_ENV
from agent_runtime.config.models import BlackboardConfig
from tests.contract.boards import EDITOR, SCOUT, consumes, finding
from tests.contract.processes import ServerProcess, running
from tests.contract.servers import PostgresServer, RedisServer

T = TypeVar("T")

KEY = "k" * 64
CONFIG = {
    "name": "newsroom",
    "namespace": "news",
    "urlEnv": STORE_URL_ENV,
    "types": [{"name": name, "schema": {"type": "object"}} for name in ("Finding", "Report", "Note")],
    "lease": {"ttl": "3s", "maxDeliveries": 100},
}
FINDINGS = 240
PUBLISHERS = 8
BATCH = 8
JOIN = {"window": "1h", "by": "correlation"}


@dataclass(frozen=True)
class Worker:
    """An agent that answers each of its deliveries with one artifact, tagged with the ids of what it got."""

    identity: Identity
    consumes: Consumes
    answer: str
    """The type of its artifacts."""
    deliveries: int
    """How many it gets when nothing is lost and nothing comes twice."""
    consumers: int = 2

    def work(self, delivery: Delivery) -> Draft:
        """Each attempt has an artifact of its own, so that work that was taken twice shows."""
        ids = tuple(artifact.id for artifact in delivery.artifacts)
        made = f"{ids[0]}.{self.identity.name}.{delivery.attempt}"
        return Draft(type=self.answer, payload={}, id=made, tags=ids)


WORKERS = (
    Worker(EDITOR, consumes("Finding"), "Report", FINDINGS),
    Worker(Identity("checker"), consumes("Finding", "Report", join=JOIN), "Note", FINDINGS),
    Worker(
        Identity("archivist"),
        consumes("Finding", batch={"size": BATCH, "within": "1h"}),
        "Note",
        FINDINGS // BATCH,
    ),
)
"""One at a time, in pairs of a finding and the report about it, and in batches."""


@dataclass(frozen=True)
class Ground:
    """Where servers keep their artifacts."""

    store: Literal["sqlite", "redis", "postgres"]
    url: str
    server: RedisServer | PostgresServer | None = None
    """None: the servers' own process keeps them, of which there is one."""

    async def strike_store(self, servers: list[ServerProcess]) -> None:
        """kill -9 of what keeps the artifacts, which comes back at once."""
        if self.server is None:
            await servers[0].kill()
            await servers[0].start()
        else:
            self.server.kill()
            self.server.start()


@pytest.fixture(params=["sqlite", "redis", "postgres"])
async def servers(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Ground, list[ServerProcess]]]:
    """The servers of one board, on a store that the test may break."""
    match request.param:
        case "sqlite":
            ground = Ground("sqlite", f"sqlite:///{tmp_path / 'board.sqlite'}")
        case "redis":
            redis: RedisServer = request.getfixturevalue("own_redis")
            ground = Ground("redis", redis.url, redis)
        case _:
            postgres: PostgresServer = request.getfixturevalue("own_postgres")
            ground = Ground("postgres", postgres.url, postgres)
    config = BlackboardConfig.model_validate(CONFIG | {"store": ground.store})
    file = tmp_path / "config.json"
    file.write_text(config.model_dump_json(by_alias=True))
    environ = {config.key_env: KEY, STORE_URL_ENV: ground.url}
    count = 1 if ground.server is None else 2
    async with running(["blackboard", "--config", str(file)], environ, count) as processes:
        yield ground, processes


class Storm:
    """Publishers and agents over HTTP, each at a server; what was answered to them."""

    def __init__(self, servers: list[ServerProcess]) -> None:
        self._servers = servers
        self._left = iter(range(FINDINGS))
        self._progress = asyncio.Condition()
        self.published: list[str] = []
        self.finished: Counter[str] = Counter()

    def board(self, identity: Identity, at: int) -> HttpBoard:
        """The board for an identity, at one of the servers."""
        server = self._servers[at % len(self._servers)]
        return HttpBoard(server.url, mint(KEY, identity, "blackboard/news/newsroom"))

    async def publish(self, at: int) -> None:
        """Publish until all is published; again whatever was not answered."""
        async with self.board(SCOUT, at) as board:
            for n in self._left:
                await retried(partial(board.publish, [finding(id=f"{n}", correlation=f"c{n}")]))
                async with self._progress:
                    self.published.append(f"{n}")
                    self._progress.notify_all()

    async def consume(self, worker: Worker, at: int) -> None:
        """Work on what comes until all has come."""
        name = worker.identity.name
        async with self.board(worker.identity, at) as board:
            while self.finished[name] < worker.deliveries:
                for delivery in await retried(partial(board.lease, 8, 1)):
                    ours = await self._finish(board, delivery.id, worker.work(delivery))
                    self.finished[name] += ours

    async def _finish(self, board: Board, lease: str, result: Draft) -> bool:
        """Whether it was ours to finish: a lease that ran out while all was away goes to another."""
        try:
            await retried(partial(board.acknowledge, lease, [result]))
        except BoardError as error:
            if error.code != "lease_lost":
                raise
            return False
        return True

    async def reached(self, share: float) -> None:
        """Wait until that share of the findings is published."""
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.published) >= share * FINDINGS)


async def retried(call: Callable[[], Awaitable[T]]) -> T:
    """Again as long as the server, or its store, is away."""
    while True:
        try:
            return await call()
        except BoardError as error:
            if error.status != 503:
                raise


async def test_nothing_answered_is_lost_or_done_twice(servers: tuple[Ground, list[ServerProcess]]) -> None:
    ground, processes = servers
    storm = Storm(processes)
    async with telling(storm), asyncio.timeout(600):
        for worker in WORKERS:
            async with storm.board(worker.identity, 0) as board:
                await board.subscribe([worker.consumes])
        async with asyncio.TaskGroup() as everybody:
            for at in range(PUBLISHERS):
                everybody.create_task(storm.publish(at))
            for worker in WORKERS:
                for at in range(worker.consumers):
                    everybody.create_task(storm.consume(worker, at))
            await storm.reached(0.2)
            await ground.strike_store(processes)
            await storm.reached(0.5)
            await processes[0].kill()
            await processes[0].start()
            await storm.reached(0.7)
            await ground.strike_store(processes)
        async with storm.board(SCOUT, 1) as board:
            found = await everything(board)
    assert [error for process in processes for error in process.errors()] == []
    ids = [f"{n}" for n in range(FINDINGS)]
    assert sorted(storm.published) == sorted(made_by(SCOUT, found)) == sorted(ids)
    reports = made_by(EDITOR, found)
    assert sorted(reports.values()) == sorted((id_,) for id_ in ids)
    about = {report: finding for report, (finding,) in reports.items()}
    pairs = made_by(Identity("checker"), found).values()
    assert sorted(pairs) == sorted((finding, report) for report, finding in about.items())
    batches = made_by(Identity("archivist"), found).values()
    assert {len(batch) for batch in batches} == {BATCH}
    assert sorted(id_ for batch in batches for id_ in batch) == sorted(ids)


@asynccontextmanager
async def telling(storm: Storm) -> AsyncIterator[None]:
    """How far everybody was, with what ends the block before its time."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"published: {len(storm.published)}; finished: {dict(storm.finished)}")
        raise


def made_by(who: Identity, found: list[Artifact]) -> dict[str, tuple[str, ...]]:
    """What somebody published, by id, with its tags."""
    return {artifact.id: artifact.tags for artifact in found if artifact.producer == who.name}


async def everything(board: Board) -> list[Artifact]:
    """All artifacts, page by page."""
    page = await board.query(Query(limit=1000))
    found = list(page.artifacts)
    while page.cursor is not None:
        page = await board.query(Query(limit=1000, cursor=page.cursor))
        found += page.artifacts
    return found
