"""Blackboard servers in processes of their own, and callers that cost as little as can be."""

import asyncio
import os
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from agent_runtime.api.blackboard import BoardLimits
from agent_runtime.auth.tokens import grant_audience, mint
from agent_runtime.blackboard.wire.codec import draft_to_wire, dumps
from agent_runtime.config.models import BlackboardConfig
from hack.find import find_program
from tests.bench.boards import AT_ONCE, BATCH, DRAFT, SCOUT, TYPES, Size, rate, share

_KEY = "k" * 64
_TOKEN = mint(_KEY, SCOUT, grant_audience("bench", "board"))
_ONE = dumps(draft_to_wire(DRAFT))
_MANY = dumps({"artifacts": [draft_to_wire(DRAFT)] * BATCH})


async def published(store: str, url: str, size: Size, servers: int = 1) -> tuple[float, float]:
    """Artifacts a second through the servers: (single, batched)."""
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(served(store, url)) for _ in range(servers)]
        connections: asyncio.Queue[_Connection] = asyncio.Queue()
        for port, _ in zip(cycle(ports), range(AT_ONCE), strict=False):
            connections.put_nowait(await _Connection.open(port))

        async def post(body: bytes) -> None:
            connection = await connections.get()
            await connection.post("/v1/artifacts", body)
            connections.put_nowait(connection)

        single = await rate(size, lambda count: share(count, lambda: post(_ONE)))
        batched = await rate(
            replace(size, artifacts=size.artifacts * 4),
            lambda count: share(count // BATCH, lambda: post(_MANY)),
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
async def served(store: str, url: str) -> AsyncIterator[int]:
    """The port of a server."""
    config = BlackboardConfig(
        name="board",
        namespace="bench",
        store=store,
        url_env="COVEY_STORE_URL",
        types=TYPES,
        limits=BoardLimits(publish_per_second=1_000_000),
    )
    with socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE) as sock:
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
from agent_runtime.processes.blackboard import serve
from agent_runtime.config.models import BlackboardConfig
config = BlackboardConfig.model_validate_json(sys.argv[1])
uvloop.run(serve(config, os.environ, sock=socket.socket(fileno=int(sys.argv[2])), drain_seconds=0))
"""


@dataclass(frozen=True)
class Loaded:
    """What wrk saw."""

    rate: float
    """Requests a second."""
    p99: float
    """Milliseconds."""


async def by_wrk(port: int, seconds: int, body: bytes = _ONE) -> Loaded | None:
    """Publishes with wrk, by as many connections as there are callers; None where wrk is not installed."""
    if find_program("wrk") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(
            'wrk.method = "POST"\n'
            f"wrk.body = [==[{body.decode()}]==]\n"
            'wrk.headers["Content-Type"] = "application/json"\n'
            f'wrk.headers["Authorization"] = "Bearer {_TOKEN}"\n'
        )
        command = _wrk(port, seconds, script)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        told = (await process.communicate())[0].decode()
    if "Non-2xx" in told or process.returncode:
        raise RuntimeError(f"wrk was refused:\n{told}")
    latency = re.search(r"99%\s+([0-9.]+)(us|ms|s)", told)
    requests = re.search(r"Requests/sec:\s+([0-9.]+)", told)
    assert latency is not None
    assert requests is not None
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}[latency[2]]
    return Loaded(float(requests[1]), float(latency[1]) * scale)


def _wrk(port: int, seconds: int, script: Path) -> Sequence[str]:
    url = f"http://127.0.0.1:{port}/v1/artifacts"
    return ["wrk", "-t1", f"-c{AT_ONCE}", f"-d{seconds}s", "--latency", "-s", str(script), url]
