"""Servers of ours as processes of their own, which can be killed and started again."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tests.contract.servers import free_port


class ServerProcess:
    """`python -m agent_runtime ...` on a port that stays the same when it is started again."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self._port = free_port()
        self._arguments = arguments
        self._environ = {**os.environ, **environ}
        self._process: asyncio.subprocess.Process | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives the process, and goes with this
        self.url = f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent_runtime", *self._arguments),
            *("--host", "127.0.0.1", "--port", str(self._port)),
            env=self._environ,
            stdout=self._log,
        )
        async with httpx2.AsyncClient() as client, asyncio.timeout(60):
            while not await self._ready(client):  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(0.02)

    async def _ready(self, client: httpx2.AsyncClient) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise RuntimeError(f"the server ended with status {self._process.returncode}")
        try:
            return (await client.get(f"{self.url}/readyz")).is_success
        except httpx2.TransportError:
            return False

    def memory(self) -> int:
        """Bytes of memory that it takes now."""
        assert self._process is not None
        found = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self._process.pid)], capture_output=True, text=True, check=True
        )
        return 1024 * int(found.stdout)

    def processor_seconds(self) -> float:
        """How long it has kept a core busy, since it was started. Takes Linux."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def errors(self) -> list[str]:
        """What it has logged as an error, all its processes together: one line of JSON each."""
        log = self._log.fileno()
        lines = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").splitlines()
        return [line for line in lines if '"level":"error"' in line]

    async def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def running(
    arguments: Sequence[str], environ: Mapping[str, str], count: int = 1
) -> AsyncIterator[list[ServerProcess]]:
    """So many of them. What they log as errors is printed in the end: with a test that fails, it is shown."""
    servers = [ServerProcess(arguments, environ) for _ in range(count)]
    try:
        for server in servers:
            await server.start()
        yield servers
    finally:
        for server in servers:
            await server.kill()
            sys.stdout.writelines(f"{line}\n" for line in server.errors())
