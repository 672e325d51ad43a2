"""An agent with a scripted model beside a bare FastAPI route that parses and answers JSON, one process each.

CPU time of the server's process for one request, medians over rounds; both have a turn in each round, so
that a busy machine is busy for both. Ratio: the part of the bare route's pace that the agent keeps.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.row import Row

CONNECTIONS = 8
TOKEN = "bench"
BARE = """
import sys
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

class Message(BaseModel):
    message: str
    session: str | None = None

app = FastAPI()

@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}

@app.post("/v1/chat")
async def chat(body: Message) -> dict[str, str]:
    return {"reply": f"you said {body.message}"}

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
"""
AGENT = {
    "kind": "Agent",
    "name": "bench",
    "namespace": "bench",
    "instructions": "Repeat what you hear.",
    "model": {"name": "echo", "provider": "Scripted", "script": [{"reply": "you said ${input}"}]},
}
_TICKS = os.sysconf("SC_CLK_TCK")


def run(short: bool) -> Iterator[Row]:
    """One case; `short` takes fewer rounds."""
    rounds, requests = (5, 2000) if short else (11, 6000)
    with ExitStack() as stack:
        agent = stack.enter_context(_agent())
        bare = stack.enter_context(_server([sys.executable, "-c", BARE]))
        servers = (agent, bare)
        for server in servers:
            server.cpu_for_each(requests // 2)
        measured = [[server.cpu_for_each(requests) for server in servers] for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*measured, strict=True))
    yield Row("agent endpoint, scripted model", ours, "us CPU", "bare FastAPI route", theirs)


class _Server:
    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid
        body = json.dumps({"message": "hello there"}).encode()
        self._request = (
            f"POST /v1/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def cpu_for_each(self, requests: int) -> float:
        """Microseconds of the server's CPU for one request."""
        before = self._cpu()
        asyncio.run(self._load(requests))
        return (self._cpu() - before) / requests * 1e6

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    async def _load(self, requests: int) -> None:
        await asyncio.gather(*(self._ask(requests // CONNECTIONS) for _ in range(CONNECTIONS)))

    async def _ask(self, requests: int) -> None:
        """By hand, because an HTTP client costs more than the server."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for _ in range(requests):
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()


@contextmanager
def _agent() -> Iterator[_Server]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        config.write_text(json.dumps(AGENT))
        command = [sys.executable, "-m", "agent_runtime", "agent", "--config", str(config)]
        with _server([*command, "--host", "127.0.0.1", "--port"]) as server:
            yield server


@contextmanager
def _server(command: Sequence[str]) -> Iterator[_Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    environ = {**os.environ, "COVEY_AGENT_TOKEN": TOKEN}
    process = subprocess.Popen([*command, str(port)], env=environ, stdout=subprocess.DEVNULL)
    try:
        _until_it_listens(port, process)
        yield _Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server ended with status {process.returncode} before it listened")
