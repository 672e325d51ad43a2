"""The operator as a process of its own, as it runs in a pod."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from hack.cluster.control_plane.control_plane import free_ports

IMAGE = "localhost/covey-runtime:test"


class OperatorProcess:
    """Start it, look at its log and metrics, stop or kill it, start it again."""

    def __init__(
        self, kubeconfig: Path, folder: Path, *, module: str = "covey_operator", **settings: str
    ) -> None:
        """`settings` are environment variables; the logs go to `folder`. `module` is run as the program."""
        self._module = module
        (self._port,) = free_ports(1)
        self._folder = folder
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COVEY_")},
            "KUBECONFIG": str(kubeconfig),
            "COVEY_RUNTIME_IMAGE": IMAGE,
            "COVEY_IDENTITY": "operator-under-test",
            "COVEY_HTTP_HOST": "127.0.0.1",
            "COVEY_HTTP_PORT": str(self._port),
            **settings,
        }
        # Without bytecode a start takes twice as long.
        self._environ.pop("PYTHONDONTWRITEBYTECODE", None)

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """The log of the latest start."""
        return self._folder / f"operator-{self._starts}.log"

    def start(self, *, wait: bool = True) -> None:
        """Starts it and, unless told otherwise, returns when it is ready."""
        self._starts += 1
        with self.log_file.open("wb") as log:
            command = [sys.executable, "-m", self._module]
            self._process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 120
        while wait and not self.answers("/readyz"):
            assert self.alive(), f"the operator ended with {self._process.returncode}:\n{self.tail()}"
            assert time.monotonic() < end, f"the operator is not ready:\n{self.tail()}"
            time.sleep(0.05)

    def stop(self) -> int:
        """SIGTERM; returns its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it has no time for anything."""
        self._end(signal.SIGKILL)

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def answers(self, path: str) -> bool:
        """Whether it answers 200 on `path`."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def metrics(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Values by name and the values of the labels, in the order of the labels' names."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return {
            (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def passes(self, kind: str) -> float:
        """How many passes over resources of `kind` there were since it started."""
        return self.metrics().get(("covey_operator_reconciles_total", (kind, "ok")), 0.0)

    def log(self) -> list[dict[str, Any]]:
        """The log since the latest start; a last line that is still being written is passed over."""
        lines = self.log_file.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n") and line.startswith("{")]

    def tail(self) -> str:
        """The end of the log, for people."""
        return self.log_file.read_text()[-3000:]

    def _end(self, number: int) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        status = self._process.wait(60)
        self._process = None
        return status
