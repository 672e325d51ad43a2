"""A board with very many artifacts, in SQLite and Postgres, beside the same board with 20,000.

What a board does all day must not grow with what lies on it. `COVEY_BENCH_ARTIFACTS=10000000` sets how many;
filling takes a minute or two and 0.6 GB a million. The server is a process of its own; one caller waits for
each answer.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType, BoardLimits
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import grant_audience, mint
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.blackboard.service.retention import STEP
from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.config.models import BlackboardConfig
from tests.bench.boards import DRAFT, SCOUT
from tests.bench.boards.filled import STORY, TAG, TAGGED, fill_postgres, fill_sqlite, made
from tests.bench.row import Row
from tests.contract.processes import ServerProcess, running
from tests.contract.servers import running_postgres
from tests.servers import MissingProgram

ARTIFACTS = "COVEY_BENCH_ARTIFACTS"
"""The environment variable with how many."""
_FEW = 20_000
_KEY = "k" * 64
_SQLITE = "sqlite:///"
_PLACE = ("bench", "large")
_URL_ENV = "COVEY_STORE_URL"
_READER = Identity("reader")
_ADMIN = Identity("operator", role="admin")


@dataclass
class Figures:
    """What was measured on one board, in the order of measuring: case to (value, unit)."""

    found: dict[str, tuple[float, str]] = field(default_factory=dict)

    async def timed(self, case: str, times: int, call: Callable[[], Awaitable[object]]) -> None:
        """So many calls, one after the other: milliseconds."""
        took = []
        for _ in range(times):
            began = time.perf_counter()
            await call()
            took.append((time.perf_counter() - began) * 1000)
        self.found[f"{case}, median"] = (statistics.median(took), "ms")
        if times >= 100:
            self.found[f"{case}, p99"] = (statistics.quantiles(took, n=100)[98], "ms")


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    many = int(os.environ.get(ARTIFACTS) or (100_000 if short else 1_000_000))
    with tempfile.TemporaryDirectory() as folder:
        yield from _rows("SQLite", many, [f"{_SQLITE}{folder}/{name}" for name in ("few", "many")])
    try:
        with running_postgres() as few, running_postgres() as postgres:
            yield from _rows("Postgres", many, [few.url, postgres.url])
    except MissingProgram as missing:
        print(f"left out: {missing}", file=sys.stderr)  # noqa: T201 - the table is on stdout


def _rows(name: str, many: int, urls: list[str]) -> Iterator[Row]:
    few, large = (
        asyncio.run(_filled_and_measured(url, number)).found
        for url, number in zip(urls, (_FEW, many), strict=True)
    )
    for case, (value, unit) in large.items():
        yield Row(f"{name}, {many:,}: {case}", value, unit, f"with {_FEW:,}", few[case][0])


async def _filled_and_measured(url: str, artifacts: int) -> Figures:
    board = "/".join(_PLACE)
    store = store_at(url, board)
    await store.open()
    await store.ping()  # makes the tables
    await store.close()
    if url.startswith(_SQLITE):
        fill_sqlite(Path(url.removeprefix(_SQLITE)), artifacts)
    else:
        await fill_postgres(url, board, artifacts)
    return await measured(url, artifacts)


async def measured(url: str, artifacts: int) -> Figures:
    """What such a board does, on the store at `url`, which was filled with so many artifacts."""
    figures = Figures()
    store = store_at(url, "/".join(_PLACE))
    await store.open()
    await figures.timed("a step of pruning", 5, lambda: store.prune(None, artifacts - 10 * STEP, STEP))
    await store.close()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(_config(url).model_dump_json(by_alias=True))
        environ = {"COVEY_BLACKBOARD_KEY": _KEY, _URL_ENV: url}
        began = time.perf_counter()
        async with running(["blackboard", "--config", str(config)], environ) as [server]:
            figures.found["start of the server"] = (time.perf_counter() - began, "s")
            await _served(figures, server, artifacts)
    return figures


def _config(url: str) -> BlackboardConfig:
    return BlackboardConfig(
        name=_PLACE[1],
        namespace=_PLACE[0],
        store="sqlite" if url.startswith(_SQLITE) else "postgres",
        url_env=_URL_ENV,
        types=[ArtifactType(name=name, schema_={"type": "object"}) for name in ("Finding", "Rare", "Task")],
        limits=BoardLimits(publish_per_second=1_000_000),
    )


async def _served(figures: Figures, server: ServerProcess, artifacts: int) -> None:
    audience = grant_audience(*_PLACE)
    async with (
        HttpBoard(server.url, mint(_KEY, SCOUT, audience)) as scout,
        HttpBoard(server.url, mint(_KEY, _READER, audience)) as reader,
        BoardAdmin(server.url, mint(_KEY, _ADMIN, audience)) as admin,
    ):
        await reader.subscribe([Consumes(types=["Task"])])
        task = Draft(type="Task", payload=DRAFT.payload)
        await figures.timed("publish", 500, lambda: scout.publish([DRAFT]))

        async def work() -> None:
            await scout.publish([task])
            [delivery] = await reader.lease(1, 5)
            await reader.acknowledge(delivery.id, [])

        await figures.timed("publish, lease, acknowledge", 300, work)
        stories = count(start=artifacts // 2 // STORY)
        late = made(artifacts - 50)
        queries: dict[str, Callable[[], Query]] = {
            "a story": lambda: Query(correlation=f"story-{next(stories)}"),
            "a page of a type, far inside": lambda: Query(type="Finding", cursor=str(artifacts // 2)),
            "the first of a rare type": lambda: Query(type="Rare", cursor=str(artifacts // 2), limit=1),
            "the newest of a tag": lambda: Query(tag=TAG, cursor=str(artifacts - 5 * TAGGED)),
            "what was made lately": lambda: Query(since=late, limit=20),
            "one type of it": lambda: Query(type="Finding", since=late, limit=20),
            "what was made in its second half": lambda: Query(since=made(artifacts // 2)),
            "the end of its first half": lambda: Query(
                cursor=str(artifacts // 2 - 50), until=made(artifacts // 2)
            ),
        }
        for case, query in queries.items():
            await figures.timed(case, 20, partial(_asked, reader, query))
        await figures.timed("figures of the board", 20, admin.stats)
        figures.found["memory of the server"] = (server.memory() / 1e6, "MB")


async def _asked(board: HttpBoard, query: Callable[[], Query]) -> object:
    return await board.query(query())
