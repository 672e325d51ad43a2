"""An API server with its etcd and the controllers that every test needs. No root, no node, free ports.

with ControlPlane() as cp:
    cp.kubectl("apply", "-f", "crds/")
    cp.restart_apiserver()
    assert cp.writes("covey-operator") == []
"""

import json
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from hack.cluster import run_folder, waiting
from hack.cluster.audit import Write, read_writes
from hack.cluster.control_plane.commands import (
    API_TIER_CONTROLLERS,
    SERVICE_ADDRESS,
    Ports,
    apiserver_command,
    audit_policy,
    controller_manager_command,
    etcd_command,
)
from hack.cluster.control_plane.kubeconfig import write_kubeconfig
from hack.cluster.control_plane.pki import certificates, write_pki, write_signing_keys
from hack.cluster.processes import Record, record, recorded, start, stop_all
from hack.cluster.reachable import Reachable
from hack.cluster.tools import require

_PREFIX = "covey-control-plane-"


class ControlPlane(Reachable):
    """Starts with `start()` or `with`, in a folder of its own; several may run at once.

    Without a `run_dir` it takes a temporary folder, which it deletes at the end, and first clears away those
    of processes that were killed. `controllers` are names of kube-controller-manager's; "*" means all.
    """

    def __init__(
        self, run_dir: Path | None = None, *, controllers: Sequence[str] = API_TIER_CONTROLLERS
    ) -> None:
        self._temporary = run_dir is None
        if run_dir is None:
            self.run_dir = Path(tempfile.mkdtemp(prefix=_PREFIX))
            record(self.run_dir / "owner", "python", os.getpid())
        else:
            self.run_dir = run_dir.absolute()
        self._controllers = controllers
        self._ports = Ports(*free_ports(3))
        self._apiserver: Record | None = None
        self._rotations = 0

    @property
    def kubeconfig(self) -> Path:
        return self.run_dir / "kubeconfig"

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self._ports.apiserver}"

    @property
    def audit_log(self) -> Path:
        return self.run_dir / "audit.log"

    def writes(self, user_agent: str = "") -> list[Write]:
        """The writes so far by clients whose user agent begins so, all by default."""
        return read_writes(self.audit_log, user_agent)

    def start(self) -> Self:
        """Returns when the API server serves and a namespace gets its service account."""
        require(only_api=True)
        if self._temporary:
            sweep(Path(tempfile.gettempdir()))
        else:
            down(self.run_dir)
            run_folder.claim(self.run_dir)
        pki = self.run_dir / "pki"
        write_pki(pki, certificates(("127.0.0.1", SERVICE_ADDRESS), node=None))
        (self.run_dir / "audit-policy.json").write_text(audit_policy())
        write_kubeconfig(self.kubeconfig, "covey-api", self.server, pki, "admin")
        write_kubeconfig(
            self.run_dir / "controller-manager.kubeconfig",
            "covey-api",
            self.server,
            pki,
            "controller-manager",
        )
        try:
            etcd = self._start("etcd", etcd_command(self.run_dir, self._ports))
            healthy = f"http://127.0.0.1:{self._ports.etcd}/health"
            waiting.until("etcd answers", lambda: waiting.answers(healthy), self._log("etcd"), etcd)
            self.start_apiserver()
            manager = self._start(
                "controller-manager", controller_manager_command(self.run_dir, self._controllers)
            )
            waiting.until(
                "the namespace `default` has its service account",
                lambda: bool(self.kubectl("get", "sa/default", "-o=name", "--ignore-not-found", check=False)),
                self._log("controller-manager"),
                manager,
            )
        except BaseException:
            stop_all(self.run_dir / "processes")
            raise
        return self

    def start_apiserver(self) -> None:
        """Starts the API server, on the same port as before, and waits until it is ready."""
        command = apiserver_command(
            self.run_dir,
            self._ports,
            bind="127.0.0.1",
            advertise="127.0.0.1",
            extra=["--endpoint-reconciler-type=none", *self._newer_keys()],
        )
        self._apiserver = self._start("apiserver", command)
        context = waiting.tls_context(self.run_dir / "pki", "admin")
        waiting.until(
            "the API server is ready",
            lambda: waiting.answers(f"{self.server}/readyz", context),
            self._log("apiserver"),
            self._apiserver,
        )

    def stop_apiserver(self) -> None:
        """Stops the API server alone, as a crash would: open watches break."""
        if self._apiserver is not None:
            self._apiserver.stop(grace=0)
            self._apiserver = None

    def restart_apiserver(self) -> None:
        """Stops the API server under its clients and starts it again."""
        self.stop_apiserver()
        self.start_apiserver()

    def compact(self) -> None:
        """etcd forgets what was before now: a watch from an older version is refused with 410.

        The API server remembers some of it by itself until it is restarted, and so it is.
        """
        revision = int(self._etcd("kv/range", {"key": "AA=="})["header"]["revision"])
        self._etcd("kv/compaction", {"revision": revision, "physical": True})
        self.restart_apiserver()

    def rotate_signing_key(self) -> None:
        """From now on a new key signs the tokens of service accounts; older ones still verify."""
        self._rotations += 1
        write_signing_keys(self.run_dir / "pki", f"sa-{self._rotations}")
        self.restart_apiserver()

    def stop(self) -> None:
        """Stops everything and deletes the folder, logs included."""
        stop_all(self.run_dir / "processes")
        if self._temporary:
            shutil.rmtree(self.run_dir)
        else:
            run_folder.discard(self.run_dir)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _etcd(self, method: str, body: dict[str, Any]) -> Any:
        """A call of etcd's JSON gateway."""
        url = f"http://127.0.0.1:{self._ports.etcd}/v3/{method}"
        with urlopen(Request(url, json.dumps(body).encode()), timeout=60) as answer:
            return json.load(answer)

    def _newer_keys(self) -> list[str]:
        """Flags that stand beside those of the first key: all verify, and the last one named signs."""
        names = [self.run_dir / "pki" / f"sa-{number + 1}" for number in range(self._rotations)]
        verify = [f"--service-account-key-file={name}.pub" for name in names]
        return verify + [f"--service-account-signing-key-file={name}.key" for name in names]

    def _log(self, name: str) -> Path:
        return self.run_dir / "logs" / f"{name}.log"

    def _start(self, name: str, command: list[str]) -> Record:
        return start(self.run_dir / "processes", name, command, self._log(name))


def down(run_dir: Path) -> list[str]:
    """Stops what an earlier process started in this folder and deletes the folder; returns what ran."""
    stopped = stop_all(run_dir / "processes")
    run_folder.discard(run_dir)
    return stopped


def sweep(folder: Path) -> list[Path]:
    """Stops and deletes temporary control planes whose owner was killed; returns their folders."""
    left = []
    for run_dir in folder.glob(f"{_PREFIX}*"):
        owners = recorded(run_dir / "owner")
        if owners and not any(owner.alive for owner in owners):
            stop_all(run_dir / "processes")
            shutil.rmtree(run_dir, ignore_errors=True)
            left.append(run_dir)
    return left


def processes(run_dir: Path) -> list[Record]:
    """The servers of a control plane, as they were started."""
    return list(reversed(recorded(run_dir / "processes")))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on.

    They lie below those that the kernel hands out by itself, so that nobody gets ours while it is closed.
    """
    found: set[int] = set()
    while len(found) < count:
        with socket.socket() as probe:
            port = random.randrange(20_000, 30_000)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.add(port)
    return sorted(found)
