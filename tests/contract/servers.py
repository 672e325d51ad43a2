"""Real servers as processes of their own: on a free port, in a temporary folder, stopped at the end."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from tests.servers import folder_of, require

_START_SECONDS = 30.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """A redis-server with an append-only file, which can be killed and started again on the same data."""

    def __init__(self, folder: Path, fsync: Literal["everysec", "always"] = "everysec") -> None:
        """`fsync` as Redis knows it: what is killed and must know all that it answered takes `always`."""
        self._fsync = fsync
        self._program = str(require("redis"))
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
                    *("--save", "", "--appendonly", "yes", "--appendfsync", self._fsync),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self._folder / "log").read_text()[-2000:]
                raise RuntimeError(f"redis-server did not start on port {self.port}:\n{log_text}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As the system does."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            os.kill(process.pid, how)
            process.wait(timeout=_START_SECONDS)


@contextmanager
def running_redis(folder: Path, fsync: Literal["everysec", "always"] = "everysec") -> Iterator[RedisServer]:
    """A Redis for the duration of the block."""
    server = RedisServer(folder, fsync)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all tests that do not break it; each uses a board of its own."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for a test that breaks it."""
    with running_redis(tmp_path, "always") as server:
        yield server


class PostgresServer:
    """A Postgres with one database, which can be killed and started again on the same data.

    It runs as `nobody` when the tests are root's, since it refuses to be root.
    """

    def __init__(self, folder: Path, server: Literal["postgres", "pgvector"] = "postgres") -> None:
        """`folder` is empty, and others than the owner of its parents may enter it."""
        initdb, cached = require(server), folder_of(server)
        if os.geteuid() == 0 and initdb.is_relative_to(cached):
            # where only root may go, and it runs as nobody
            copy = shutil.copytree(cached, folder / "programs", symlinks=True)
            initdb = copy / initdb.relative_to(cached)
        self._programs = initdb.parent
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._user: int | None = None
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = nobody.pw_uid
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self.port = free_port()
        self.url = f"postgresql://covey@127.0.0.1:{self.port}/postgres"
        made = subprocess.run(
            [
                *(initdb, "--pgdata", folder / "data", "--username", "covey", "--auth", "trust"),
                *("--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            cwd=folder,
            user=self._user,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{made.stdout[-1000:]}{made.stderr[-1000:]}")

    def start(self) -> None:
        """Start it and wait until it answers."""
        deadline = time.monotonic() + _START_SECONDS
        self._process = self._launched()
        while not self._answers():
            if time.monotonic() > deadline:
                log_text = (self._folder / "log").read_text()[-2000:]
                raise RuntimeError(f"postgres did not start on port {self.port}:\n{log_text}")
            if self._process.poll() is not None:
                # the children of one that was killed end soon after it, and keep its memory until then
                time.sleep(0.2)
                self._process = self._launched()
            time.sleep(0.02)

    def _launched(self) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._folder / "data"),
                    *("-p", str(self.port), "-h", "127.0.0.1", "-k", ""),
                    # only it is killed, never the machine: the kernel has what it wrote
                    *("-c", "fsync=off"),
                ],
                cwd=self._folder,
                user=self._user,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        # It says so in this file: a port that takes connections may still refuse them.
        status = self._folder / "data" / "postmaster.pid"
        try:
            lines = status.read_text().splitlines()
        except FileNotFoundError:
            return False
        assert self._process is not None
        return len(lines) > 7 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready"

    def kill(self) -> None:
        """kill -9; its children end as they notice."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=_START_SECONDS)

    def stop(self) -> None:
        """As the system does."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=_START_SECONDS)


@contextmanager
def running_postgres(which: Literal["postgres", "pgvector"] = "postgres") -> Iterator[PostgresServer]:
    """A Postgres for the duration of the block."""
    # Not in pytest's folder: that is closed to all but the user of the tests.
    with tempfile.TemporaryDirectory(prefix="covey-postgres-") as folder:
        server = PostgresServer(Path(folder), which)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """One Postgres for all tests that do not break it; each uses names of its own."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A Postgres for a test that breaks it."""
    with running_postgres() as server:
        yield server
