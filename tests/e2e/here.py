"""A namespace of the cluster under test: what a person would do in it with kubectl."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from hack.cluster.choose import AnyCluster
from hack.cluster.programs import KUBECTL
from hack.cluster.reachable import client
from hack.covey import NAMESPACE
from tests.paths import ROOT

DEADLINE = 180.0
"""Seconds that anything may take on a slow machine."""


@dataclass(frozen=True)
class Here:
    """One namespace."""

    cluster: AnyCluster
    namespace: str

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True) -> str:
        """kubectl in this namespace."""
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments, input=input, check=check)

    def shell(self, script: str) -> str:
        """What a page of the docs tells a person to type; standard output. Each command has to succeed."""
        kubectl = f'kubectl() {{ command "{client(KUBECTL)}" --namespace={self.namespace} "$@"; }}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{kubectl}\n{script}"],
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "PATH": _with_covey()},
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE * 2,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}\n{self.description()}"
        return done.stdout

    def apply(self, example: str) -> None:
        """Applies an example of the repository."""
        self.kubectl("apply", "-k", str(ROOT / "examples" / example))

    def wait(self, *what: str) -> None:
        """`kubectl wait --for=... OBJECT`."""
        try:
            self.kubectl("wait", f"--timeout={DEADLINE:.0f}s", *what)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.description()}") from error

    def get(self, *what: str) -> Any:
        """An object or a list, parsed."""
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def names(self, *what: str) -> list[str]:
        """Names of what `kubectl get` lists, as kind/name."""
        return self.kubectl("get", *what, "--output=name", "--ignore-not-found").split()

    def secret(self, name: str, key: str) -> str:
        """A value of a Secret."""
        return base64.b64decode(self.get("secret", name)["data"][key]).decode()

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[int]:
        """`kubectl port-forward` from a free port of this machine, which it gives."""
        command = [
            client(KUBECTL),
            f"--kubeconfig={self.cluster.kubeconfig}",
            f"--namespace={self.namespace}",
        ]
        process = subprocess.Popen(
            [*command, "port-forward", target, f":{port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert match, f"kubectl port-forward {target}: {line}"
            yield int(match[1])
        finally:
            process.terminate()
            process.wait(timeout=10)

    @contextmanager
    def door(self, target: str, token: str | None = None) -> Iterator[httpx2.Client]:
        """An HTTP client for a Service."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with (
            self.forwarded(target, 8080) as port,
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60.0) as http,
        ):
            yield http

    def artifacts(self, board: str, kind: str) -> list[dict[str, Any]]:
        """What stands on a blackboard of one type, as a user sees it."""
        with self.door(f"service/{board}-blackboard", self.secret(f"{board}-blackboard", "token")) as http:
            answer = http.get("/v1/artifacts", params={"type": kind})
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["artifacts"]
        return found

    def description(self) -> str:
        """What stands here, for the message of a failed test."""
        parts = [
            self.kubectl("get", "covey,pods,jobs,pvc", "--output=wide", check=False),
            self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)[-4000:],
            self.kubectl("logs", "--selector=app.kubernetes.io/part-of=covey", "--tail=15", check=False)[
                -4000:
            ],
            self.cluster.kubectl(
                "logs", f"--namespace={NAMESPACE}", "deployment/covey-operator", "--tail=30", check=False
            ),
        ]
        return "\n".join(parts)


def _with_covey() -> str:
    """Where the shell looks for programs: the `covey` under test before all others."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"


T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """The first truthy value that `look` returns; an AssertionError when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if value := look():
            return value
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.5)
