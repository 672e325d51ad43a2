"""Servers of event logs, and logs on them."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_runtime.eventlog.brokers.port import EventLog, Track
from tests.contract.servers import free_port
from tests.servers import require

_START_SECONDS = 30.0
_numbers = itertools.count(1)


def new_board() -> str:
    """A board that no other test uses."""
    return f"tests/log-{next(_numbers)}"


class NatsServer:
    """A nats-server with JetStream, which can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self._program = str(require("nats"))
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._program, "--addr", "127.0.0.1", "--port", str(self.port)),
                    *("--jetstream", "--store_dir", str(self._folder / "data")),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self._folder / "log").read_text()[-2000:]
                raise RuntimeError(f"nats-server did not start on port {self.port}:\n{text}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(timeout=_START_SECONDS)


@contextmanager
def running_nats(folder: Path) -> Iterator[NatsServer]:
    """A NATS for the duration of the block."""
    server = NatsServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


async def records(log: EventLog, track: Track) -> list[bytes]:
    """All records of a track."""
    async with asyncio.timeout(60):
        return [record async for _, record in log.read(track)]
