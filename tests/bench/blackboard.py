"""How fast artifacts go through the blackboard: in process, on each store, and through the server.

The payload has three fields and about 100 bytes. What needs a server that is not installed is left out.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import Board, Identity, Query
from agent_runtime.blackboard.codec import draft_to_wire, dumps
from agent_runtime.blackboard.service import BlackboardService
from agent_runtime.blackboard.stores.memory import MemoryStore
from agent_runtime.blackboard.stores.port import Store, Terms
from agent_runtime.blackboard.stores.postgres import PostgresStore
from agent_runtime.blackboard.stores.sqlite import SqliteStore
from agent_runtime.blackboard.types import TypeRegistry
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.identity import mint
from tests.bench.row import Row
from tests.contract.servers import MissingProgram, running_postgres, running_redis

_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "text": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["title", "text", "score"],
}
_TYPES = [ArtifactType(name=name, schema_=_SCHEMA) for name in ("Finding", "Other")]
_REGISTRY = TypeRegistry(_TYPES)
_DRAFT = Draft(type="Finding", payload={"title": "a title", "text": "x" * 60, "score": 7})
_SCOUT = Identity("scout")
_TERMS = Terms(max_pending=10_000_000)
_AT_ONCE = 64
"""Callers at the same time, where there are several."""
_BATCH = 50
_KEY = "k" * 64
_TOKEN = mint(_KEY, _SCOUT, "blackboard/bench/board")


@dataclass(frozen=True)
class _Size:
    """How much is done in one repetition, and how often it is repeated; the median counts."""

    artifacts: int
    repeat: int


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    size = _Size(2_000, 3) if short else _Size(10_000, 5)
    with asyncio.Runner() as runner:
        runner.run(_in_memory(replace(size, repeat=1), 0))  # warm up: the first run pays for what is lazy
        bare = runner.run(_in_memory(size, 0))
        yield Row("publish in process, no subscriber", bare, "artifacts/s")
        with_idle = runner.run(_in_memory(size, 1000))
        yield Row("publish, 1000 agents that do not match", with_idle, "artifacts/s", "without them", bare)
        yield Row("deliver to 100 agents that match", runner.run(_deliver(size)), "deliveries/s")
        yield Row("query by correlation at 100 k", runner.run(_query()), "ms")
        alone, together, _ = runner.run(_sqlite(size))
        yield Row("SQLite durable publish, one caller", alone, "artifacts/s")
        yield Row(f"SQLite durable publish, {_AT_ONCE} callers", together, "artifacts/s")
        single, batched = runner.run(_http("memory", "", size))
        yield Row(f"HTTP publish, memory, {_AT_ONCE} callers", single, "artifacts/s")
        yield Row(f"HTTP publish, memory, batches of {_BATCH}", batched, "artifacts/s")
        yield from _redis(runner, size)
        yield from _postgres(runner, size)


def _redis(runner: asyncio.Runner, size: _Size) -> Iterator[Row]:
    try:
        with tempfile.TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
            single, batched = runner.run(_http("redis", server.url, size))
    except MissingProgram as missing:
        print(f"left out: Redis: {missing}", file=sys.stderr)  # noqa: T201 - the table is on stdout
        return
    yield Row(f"HTTP publish, Redis, {_AT_ONCE} callers", single, "artifacts/s")
    yield Row(f"HTTP publish, Redis, batches of {_BATCH}", batched, "artifacts/s")


def _postgres(runner: asyncio.Runner, size: _Size) -> Iterator[Row]:
    try:
        with running_postgres() as server:
            store = PostgresStore(server.url, "bench/durable", _TERMS)
            alone, together, in_batches = runner.run(_durable(store, size))
            single, batched = runner.run(_http("postgres", server.url, size))
    except MissingProgram as missing:
        print(f"left out: Postgres: {missing}", file=sys.stderr)  # noqa: T201 - the table is on stdout
        return
    yield Row("Postgres durable publish, one caller", alone, "artifacts/s")
    yield Row(f"Postgres durable publish, {_AT_ONCE} callers", together, "artifacts/s")
    yield Row(f"Postgres durable publish, batches of {_BATCH}", in_batches, "artifacts/s")
    yield Row(f"HTTP publish, Postgres, {_AT_ONCE} callers", single, "artifacts/s")
    yield Row(f"HTTP publish, Postgres, batches of {_BATCH}", batched, "artifacts/s")


async def _rate(size: _Size, publish: Callable[[int], Awaitable[None]]) -> float:
    """Artifacts a second, the median of the repetitions."""
    rates = []
    for _ in range(size.repeat):
        began = time.perf_counter()
        await publish(size.artifacts)
        rates.append(size.artifacts / (time.perf_counter() - began))
    return statistics.median(rates)


def _one_by_one(board: Board) -> Callable[[int], Awaitable[None]]:
    async def publish(count: int) -> None:
        for _ in range(count):
            await board.publish([_DRAFT])

    return publish


def _by_many(board: Board) -> Callable[[int], Awaitable[None]]:
    async def publish(count: int) -> None:
        await _share(count, lambda: board.publish([_DRAFT]))

    return publish


async def _share(calls: int, call: Callable[[], Awaitable[object]]) -> None:
    """So many calls, by several callers at once."""
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))


async def _in_memory(size: _Size, idle: int) -> float:
    async with BlackboardService(MemoryStore(_TERMS), _REGISTRY) as service:
        await _subscribe(service, idle, Consumes(types=["Other"]))
        return await _rate(size, _one_by_one(service.board(_SCOUT)))


async def _subscribe(service: BlackboardService, count: int, consumes: Consumes) -> list[Board]:
    boards: list[Board] = [service.board(Identity(f"agent-{n}")) for n in range(count)]
    for board in boards:
        await board.subscribe([consumes])
    return boards


async def _deliver(size: _Size) -> float:
    """Publish, lease and acknowledge, by 100 agents that do nothing else."""
    async with BlackboardService(MemoryStore(_TERMS), _REGISTRY) as service:
        boards = await _subscribe(service, 100, Consumes(types=["Finding"]))
        scout = service.board(_SCOUT)

        async def work(board: Board, count: int) -> None:
            done = 0
            while done < count:
                for delivery in await board.lease(8, 10):
                    await board.acknowledge(delivery.id, [])
                    done += 1

        async def deliver(count: int) -> None:
            each = count // len(boards)
            workers = [asyncio.create_task(work(board, each)) for board in boards]
            for _ in range(each):
                await scout.publish([_DRAFT])
                await asyncio.sleep(0)
            await asyncio.gather(*workers)

        return await _rate(size, deliver)


async def _query() -> float:
    """Milliseconds for one query that finds five artifacts."""
    async with BlackboardService(MemoryStore(_TERMS), _REGISTRY) as service:
        board = service.board(_SCOUT)
        for n in range(100):
            await board.publish(
                [
                    Draft(type="Finding", payload=_DRAFT.payload, correlation=f"story-{n}-{m % 200}")
                    for m in range(1000)
                ]
            )
        took = []
        for n in range(100):
            began = time.perf_counter()
            await board.query(Query(correlation=f"story-{n}-7"))
            took.append((time.perf_counter() - began) * 1000)
        return statistics.median(took)


async def _sqlite(size: _Size) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        return await _durable(SqliteStore(Path(folder) / "board.sqlite", _TERMS), size)


async def _durable(store: Store, size: _Size) -> tuple[float, float, float]:
    """Without a server: (one caller, several, several with batches)."""
    async with BlackboardService(store, _REGISTRY) as service:
        board = service.board(_SCOUT)
        batch = [_DRAFT] * _BATCH
        return (
            await _rate(size, _one_by_one(board)),
            await _rate(size, _by_many(board)),
            await _rate(size, lambda count: _share(count // _BATCH, lambda: board.publish(batch))),
        )


async def _http(store: str, url: str, size: _Size) -> tuple[float, float]:
    """Through a server in a process of its own: (single, batched)."""
    async with _served(store, url) as port:
        connections: asyncio.Queue[_Connection] = asyncio.Queue()
        for _ in range(_AT_ONCE):
            connections.put_nowait(await _Connection.open(port))

        async def post(body: bytes) -> None:
            connection = await connections.get()
            await connection.post("/v1/artifacts", body)
            connections.put_nowait(connection)

        one = dumps(draft_to_wire(_DRAFT))
        many = dumps({"artifacts": [draft_to_wire(_DRAFT)] * _BATCH})
        single = await _rate(size, lambda count: _share(count, lambda: post(one)))
        batched = await _rate(
            replace(size, artifacts=size.artifacts * 4),
            lambda count: _share(count // _BATCH, lambda: post(many)),
        )
        while not connections.empty():
            connections.get_nowait().close()
        return single, batched


@dataclass
class _Connection:
    """HTTP/1.1 with as little work on the caller's side as can be: it is the server that is measured."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> "_Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, path: str, body: bytes) -> None:
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {_TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await self.reader.readexactly(length)
        if b" 201 " not in head[:15]:
            raise RuntimeError(f"the server refused: {answer.decode()}")

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def _served(store: str, url: str) -> AsyncIterator[int]:
    config = BlackboardConfig(
        name="board", namespace="bench", store=store, url_env="COVEY_STORE_URL", types=_TYPES
    )
    with socket.create_server(("127.0.0.1", 0), backlog=_AT_ONCE) as sock:
        port: int = sock.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _SERVER, config.model_dump_json(by_alias=True), str(sock.fileno())),
            env=os.environ | {"COVEY_BLACKBOARD_KEY": _KEY, "COVEY_STORE_URL": url},
            pass_fds=[sock.fileno()],
        )
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()


_SERVER = """
import asyncio, os, socket, sys, uvloop
from agent_runtime.blackboard.main import serve
from agent_runtime.compile.config import BlackboardConfig
config = BlackboardConfig.model_validate_json(sys.argv[1])
uvloop.run(serve(config, os.environ, sock=socket.socket(fileno=int(sys.argv[2])), drain_seconds=0))
"""
