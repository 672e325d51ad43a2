"""Server processes, their store and the agents' calls, while one after the other is killed."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError, Identity, Query
from agent_runtime.blackboard.http_client import HttpBoard
from agent_runtime.compile.blackboard import STORE_URL_ENV
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.identity import mint
from tests.contract.boards import EDITOR, SCOUT, consumes, finding, report
from tests.contract.processes import ServerProcess, running
from tests.contract.servers import PostgresServer

T = TypeVar("T")

KEY = "k" * 64
CONFIG = BlackboardConfig.model_validate(
    {
        "name": "newsroom",
        "namespace": "news",
        "store": "postgres",
        "urlEnv": STORE_URL_ENV,
        "types": [
            {"name": "Finding", "schema": {"type": "object"}},
            {"name": "Report", "schema": {"type": "object"}},
        ],
        "lease": {"ttl": "3s", "maxDeliveries": 100},
    }
)
FINDINGS = 400
PUBLISHERS = 8
CONSUMERS = 4


class Storm:
    """Publishers and consumers over HTTP, each at a server; what was answered to them."""

    def __init__(self, servers: list[ServerProcess]) -> None:
        self._servers = servers
        self._left = iter(range(FINDINGS))
        self._progress = asyncio.Condition()
        self.published: list[str] = []
        self.finished: list[str] = []

    def board(self, identity: Identity, at: int) -> HttpBoard:
        """The board for an identity, at one of the servers."""
        server = self._servers[at % len(self._servers)]
        return HttpBoard(server.url, mint(KEY, identity, "blackboard/news/newsroom"))

    async def publish(self, at: int) -> None:
        """Publish until all is published; again whatever was not answered."""
        async with self.board(SCOUT, at) as board:
            for n in self._left:
                await patiently(partial(board.publish, [finding(id=f"{n}")]))
                await self._note(self.published, f"{n}")

    async def consume(self, at: int) -> None:
        """Answer each finding with a report that is tagged with its id."""
        async with self.board(EDITOR, at) as board:
            while len(self.finished) < FINDINGS:
                for delivery in await patiently(partial(board.lease, 8, 1)):
                    [artifact] = delivery.artifacts
                    result = report(id=f"{artifact.id}.{delivery.attempt}", tags=(artifact.id,))
                    if await self._finish(board, delivery.id, result):
                        await self._note(self.finished, artifact.id)

    async def _finish(self, board: Board, lease: str, result: Draft) -> bool:
        """Whether it was ours to finish: a lease that ran out while all was away goes to another."""
        try:
            await patiently(partial(board.acknowledge, lease, [result]))
        except BoardError as error:
            if error.code != "lease_lost":
                raise
            return False
        return True

    async def _note(self, done: list[str], what: str) -> None:
        async with self._progress:
            done.append(what)
            self._progress.notify_all()

    async def reached(self, share: float) -> None:
        """Wait until that share of the findings is published."""
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.published) >= share * FINDINGS)


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Again as long as the server, or its store, is away."""
    while True:
        try:
            return await call()
        except BoardError as error:
            if error.status != 503:
                raise


async def test_nothing_answered_is_lost_or_done_twice(own_postgres: PostgresServer, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(CONFIG.model_dump_json(by_alias=True))
    environ = {CONFIG.key_env: KEY, STORE_URL_ENV: own_postgres.url}
    async with running(["blackboard", "--config", str(config)], environ, 2) as servers, asyncio.timeout(240):
        storm = Storm(servers)
        async with storm.board(EDITOR, 0) as editor:
            await editor.subscribe([consumes()])
        async with asyncio.TaskGroup() as everybody:
            for at in range(PUBLISHERS):
                everybody.create_task(storm.publish(at))
            for at in range(CONSUMERS):
                everybody.create_task(storm.consume(at))
            await storm.reached(0.2)
            own_postgres.kill()
            own_postgres.start()
            await storm.reached(0.4)
            await servers[0].kill()
            await storm.reached(0.5)
            await servers[0].start()
            await storm.reached(0.7)
            own_postgres.kill()
            own_postgres.start()
        async with storm.board(SCOUT, 1) as board:
            found = await everything(board)
    findings = {artifact.id for artifact in found if artifact.type == "Finding"}
    reports = Counter(artifact.tags[0] for artifact in found if artifact.type == "Report")
    assert findings == set(storm.published) == {f"{n}" for n in range(FINDINGS)}
    assert reports == Counter(findings)


async def everything(board: Board) -> list[Artifact]:
    """All artifacts, page by page."""
    page = await board.query(Query(limit=1000))
    found = list(page.artifacts)
    while page.cursor is not None:
        page = await board.query(Query(limit=1000, cursor=page.cursor))
        found += page.artifacts
    return found
