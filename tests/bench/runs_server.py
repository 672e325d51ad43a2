"""How fast the runs server keeps boundaries of runs and hands runs to workers, over HTTP.

The server is a process of its own; a checkpoint has about 1 KB. Callers do as little as can be, except where
the client is named. What needs a server that is not installed is left out.
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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import orjson

from agent_runtime.auth.run_tokens import Caller, mint
from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.durable.client.wire import commit_to_wire
from agent_runtime.durable.port import Boundary, Entry, RunStore
from agent_runtime.durable.stores.sqlite.store import SqliteRunStore
from agent_runtime.processes.run_queue import KEY, STORE
from tests.bench.row import Row
from tests.contract.servers import running_redis
from tests.servers import MissingProgram

_KEY = "k" * 64
_TOKEN = mint(_KEY, Caller("operator", "operator"))
_AT_ONCE = 64
"""Callers at the same time, where there are several."""
_QUEUE = "bench/flow"
_AT = datetime(2026, 1, 5, tzinfo=UTC)
_BODY = orjson.dumps({"shared": {"text": "x" * 900}, "frames": {}, "visits": {}, "extra": None})


@dataclass(frozen=True)
class _Size:
    """How much is done in one repetition, and how often it is repeated; the median counts."""

    calls: int
    repeat: int


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    size = _Size(1_024, 3) if short else _Size(4_096, 5)
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        direct = runner.run(_in_process(Path(folder), size))
        runs = f"sqlite:///{folder}/runs.sqlite"
        alone, by_client, together = runner.run(_commits(runs, size))
        yield Row("commit, SQLite, one caller", alone, "commits/s", "in process", direct)
        yield Row("commit, SQLite, one caller, our client", by_client, "commits/s")
        yield Row(f"commit, SQLite, {_AT_ONCE} callers", together, "commits/s")
        one, many = runner.run(_queue(f"sqlite:///{folder}/queued.sqlite", size))
        yield Row("submit, take, finish, SQLite, one caller", one, "runs/s")
        yield Row(f"submit, take, finish, SQLite, {_AT_ONCE} callers", many, "runs/s")
        yield from _redis(runner, Path(folder), size)


def _redis(runner: asyncio.Runner, folder: Path, size: _Size) -> Iterator[Row]:
    try:
        with running_redis(folder) as server:
            *_, together = runner.run(_commits(server.url, size))
            *_, many = runner.run(_queue(server.url, size))
    except MissingProgram as missing:
        print(f"left out: Redis: {missing}", file=sys.stderr)  # noqa: T201 - the table is on stdout
        return
    yield Row(f"commit, Redis, {_AT_ONCE} callers", together, "commits/s")
    yield Row(f"submit, take, finish, Redis, {_AT_ONCE} callers", many, "runs/s")


async def _rate(size: _Size, work: Callable[[int], Awaitable[None]]) -> float:
    """Calls a second, the median of the repetitions."""
    rates = []
    for _ in range(size.repeat):
        began = time.perf_counter()
        await work(size.calls)
        rates.append(size.calls / (time.perf_counter() - began))
    return statistics.median(rates)


def _entry(number: int) -> Entry:
    return Entry(Boundary(number, "draft", number, "default", _AT), _BODY)


async def _in_process(folder: Path, size: _Size) -> float:
    store = SqliteRunStore(folder / "direct.sqlite")
    await store.open()
    rate = await _rate(size, await _commit_by(store))
    await store.close()
    return rate


async def _commit_by(store: RunStore) -> Callable[[int], Awaitable[None]]:
    writer = await store.acquire("bench/one/1", "bench", 3600)
    numbers = iter(range(10_000_000))

    async def commit(count: int) -> None:
        for _ in range(count):
            await store.commit(writer, [_entry(next(numbers))], keep=20)

    return commit


async def _commits(url: str, size: _Size) -> tuple[float, float, float]:
    """(one caller, one with our client, several), each with a run of its own."""
    async with _served(url) as port:
        one = await _Committer.open(port, "bench/alone/1")
        alone = await _rate(size, one.commit)
        one.connection.close()
        client = HttpRunStore(f"http://127.0.0.1:{port}", _TOKEN)
        by_client = await _rate(size, await _commit_by(client))
        await client.close()
        callers = [await _Committer.open(port, f"bench/many/{n}") for n in range(_AT_ONCE)]

        async def together(count: int) -> None:
            await asyncio.gather(*(caller.commit(count // _AT_ONCE) for caller in callers))

        many = await _rate(size, together)
        for caller in callers:
            caller.connection.close()
        return alone, by_client, many


async def _queue(url: str, size: _Size) -> tuple[float, float]:
    """(one caller, several) who submit a run, take one, and finish it."""
    async with _served(url) as port:
        one = _Worker(await _Connection.open(port), "alone")
        alone = await _rate(size, one.work)
        one.connection.close()
        callers = [_Worker(await _Connection.open(port), f"w{n}") for n in range(_AT_ONCE)]

        async def together(count: int) -> None:
            await asyncio.gather(*(caller.work(count // _AT_ONCE) for caller in callers))

        many = await _rate(size, together)
        for caller in callers:
            caller.connection.close()
        return alone, many


@dataclass
class _Committer:
    connection: "_Connection"
    run: str
    generation: int
    number: int = 0

    @classmethod
    async def open(cls, port: int, run: str) -> "_Committer":
        connection = await _Connection.open(port)
        answer = await connection.ask("POST", f"/v1/lease?run={quote(run)}&holder=bench&ttl=3600")
        return cls(connection, run, orjson.loads(answer.body)["generation"])

    async def commit(self, count: int) -> None:
        path = f"/v1/commit?run={quote(self.run)}&holder=bench&generation={self.generation}&keep=20"
        for _ in range(count):
            await self.connection.ask("POST", path, commit_to_wire([_entry(self.number)], []))
            self.number += 1


@dataclass
class _Worker:
    connection: "_Connection"
    name: str
    number: int = 0

    async def work(self, count: int) -> None:
        ask = self.connection.ask
        for _ in range(count):
            await ask("POST", f"/v1/queue?run=bench/{self.name}/{self.number}&queue={_QUEUE}", _BODY)
            taken = await ask("POST", f"/v1/tickets?queue={_QUEUE}&holder={self.name}&ttl=60")
            ticket = f"run={taken.header('covey-run')}&generation={taken.header('covey-generation')}"
            path = f"/v1/tickets/finish?{ticket}&queue={_QUEUE}&holder={self.name}"
            await ask("POST", path, b'{"result":null}')
            self.number += 1


@dataclass(frozen=True)
class _Answer:
    head: str
    body: bytes

    def header(self, name: str) -> str:
        return self.head.partition(f"\r\n{name}: ")[2].partition("\r\n")[0]


@dataclass
class _Connection:
    """HTTP/1.1 with as little work on the caller's side as can be: it is the server that is measured."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> "_Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, body: bytes = b"") -> _Answer:
        self.writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {_TOKEN}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = _Answer(head, b"").header("content-length")
        answer = _Answer(head, await self.reader.readexactly(int(length or 0)))
        if not head.startswith("HTTP/1.1 20"):
            raise RuntimeError(f"the server refused: {head}{answer.body.decode()}")
        return answer

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def _served(url: str) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=_AT_ONCE) as sock:
        port: int = sock.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _SERVER, str(sock.fileno())),
            env=os.environ | {KEY: _KEY, STORE: url},
            pass_fds=[sock.fileno()],
        )
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()


_SERVER = """
import os, socket, sys, uvloop
from agent_runtime.processes.run_queue import serve
uvloop.run(serve(os.environ, sock=socket.socket(fileno=int(sys.argv[1])), drain_seconds=0))
"""
