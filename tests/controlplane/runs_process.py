"""The runs server as a process of its own, with the key that the operator signs tokens with."""

import base64
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from agent_runtime.auth.run_tokens import Caller, mint
from agent_runtime.auth.tokens import derive
from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.processes.run_queue import KEY, STORE
from agent_runtime.runs.queue.client import HttpQueue
from hack.cluster.control_plane.control_plane import free_ports
from tests.controlplane.api import Api, Object, until

_INSTALL_KEY = b"0123456789abcdef0123456789abcdef"


def give_install_key(api: Api) -> None:
    """An operator of this namespace takes this key instead of making one."""
    data = {"key": base64.b64encode(_INSTALL_KEY).decode()}
    metadata: Object = {"name": "covey-install-key"}
    api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


class RunsProcess:
    """Start it, kill it, start it again on what it kept."""

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        self._key = derive(_INSTALL_KEY, "runs")
        self._environ = {**os.environ, KEY: self._key, STORE: f"sqlite:///{folder / 'runs.sqlite'}"}
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it is ready."""
        command = [sys.executable, "-m", "agent_runtime", "runs", "--host", "127.0.0.1"]
        command += ["--port", str(self._port)]
        self._process = subprocess.Popen(command, env=self._environ, stdout=subprocess.DEVNULL)
        until("the runs server is ready", self._is_ready)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def worker(self, queue: str) -> HttpQueue:
        """As a warm worker of the flow reaches its queue."""
        return HttpQueue(self.url, mint(self._key, Caller(queue, "worker")))

    def queue(self) -> HttpQueue:
        """As the operator reaches every queue."""
        return HttpQueue(self.url, mint(self._key, Caller("operator", "operator")))

    def store(self) -> HttpRunStore:
        """As the operator reaches checkpoints."""
        return HttpRunStore(self.url, mint(self._key, Caller("operator", "operator")))

    def store_of(self, run: str) -> HttpRunStore:
        """As the run's own process reaches it."""
        return HttpRunStore(self.url, mint(self._key, Caller(run, "run")))

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
