"""A whole one-node cluster, in namespaces of its own: pods, Services, volumes, DNS. Needs root.

with Cluster(name="e2e") as cluster:
    cluster.load_image(archive)
    cluster.kubectl("apply", "-f", "manifests/")
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster import run_folder, waiting
from hack.cluster.audit import Write, read_writes
from hack.cluster.control_plane.commands import (
    SERVICE_ADDRESS,
    Ports,
    apiserver_command,
    audit_policy,
    controller_manager_command,
    etcd_command,
)
from hack.cluster.control_plane.kubeconfig import write_kubeconfig
from hack.cluster.control_plane.pki import certificates, write_pki
from hack.cluster.fault import ClusterError
from hack.cluster.images.archive import archive_tags
from hack.cluster.machine import Machine
from hack.cluster.node import commands as node_commands
from hack.cluster.node import network
from hack.cluster.node.configs import NodeSettings, config_files
from hack.cluster.processes import Record, recorded, start
from hack.cluster.reachable import Reachable
from hack.cluster.system_packages import cni_folder
from hack.cluster.tools import PAUSE_TAG, pause_folder, require
from hack.find import find_program

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?")
_PORTS = Ports(etcd=2379, etcd_peer=2380, apiserver=node_commands.APISERVER_PORT)
_CLIENTS = ("controller-manager", "scheduler", "proxy", "node", "coredns", "volume-provisioner")


def default_run_dir(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/covey/cluster/NAME`, by default under ~/.local/state."""
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "covey" / "cluster" / name


class Cluster(Reachable):
    """Starts with `start()` or `with`; another object on the same name and folder finds it running.

    `name` is the node's too: up to 12 lower-case letters, digits and dashes. Clusters of several names may
    run at once; in each, everything lies under `run_dir` until `stop()` deletes it.
    """

    def __init__(self, run_dir: Path | None = None, *, name: str = "covey") -> None:
        if not _NAME.fullmatch(name):
            raise ClusterError(
                f"{name!r} is no name for a node: up to 12 lower-case letters, digits and dashes."
            )
        self.name = name
        self.run_dir = (run_dir or default_run_dir(name)).absolute()
        if self.run_dir.is_relative_to("/run") or self.run_dir.is_relative_to("/var/lib/kubelet"):
            raise ClusterError(
                f"{self.run_dir} is hidden from the node, which has a /run of its own; choose another."
            )
        self._machine = Machine(name, self.run_dir)

    @property
    def kubeconfig(self) -> Path:
        return self.run_dir / "kubeconfig"

    @property
    def running(self) -> bool:
        return self._machine.init is not None

    @property
    def address(self) -> str:
        """The node's address, where NodePorts answer; raises ClusterError when it is not up."""
        file = self.run_dir / "address"
        if not self.running or not file.exists():
            raise ClusterError(f"The node {self.name} is not up. Start it with `python -m hack.cluster up`.")
        return file.read_text().strip()

    def load_image(self, archive: Path) -> list[str]:
        """Brings the images of a `docker save` archive into the node; returns their names."""
        try:
            tags = archive_tags(archive)
        except ValueError as error:
            raise ClusterError(str(error)) from error
        command = self._machine.inside(
            *node_commands.ctr_command("images", "import", str(archive.absolute()))
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(
                f"containerd did not take {archive}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return tags

    def images(self) -> set[str]:
        """Names of the images that the node has."""
        command = self._machine.inside(*node_commands.ctr_command("images", "ls", "--quiet"))
        return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())

    def writes(self, user_agent: str = "") -> list[Write]:
        """The API server's writes so far by clients whose user agent begins so."""
        return read_writes(self.run_dir / "audit.log", user_agent)

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command in the node, where it sees pods' and Services' addresses."""
        return self._machine.inside(*command)

    def start(self) -> Self:
        """Clears away what an earlier run left, then returns when the node is Ready and DNS answers."""
        require(only_api=False)
        if os.geteuid() != 0:
            raise ClusterError(
                f"A node takes root: `sudo env HOME=$HOME PATH=$PATH {sys.executable} -m hack.cluster up`. "
                "Or use a cluster you have (--kubeconfig), or do without pods (--api-only)."
            )
        self.stop()
        run_folder.claim(self.run_dir)
        try:
            cable = self._machine.boot()
            (self.run_dir / "address").write_text(f"{cable.address}\n")
            self._write_files(cable.address)
            self._start_programs(cable.address)
        except BaseException:
            self._machine.shut_down()
            raise
        return self

    def stop(self) -> bool:
        """Ends the cluster and deletes its folder, logs and volumes included; whether it was up."""
        was_up = self._machine.shut_down()
        run_folder.discard(self.run_dir)
        return was_up

    def processes(self) -> list[Record]:
        """The node's programs, as they were started."""
        return list(reversed(recorded(self.run_dir / "processes")))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write_files(self, address: str) -> None:
        pki = self.run_dir / "pki"
        write_pki(pki, certificates(("127.0.0.1", address, SERVICE_ADDRESS), node=self.name))
        server = f"https://{address}:{_PORTS.apiserver}"
        write_kubeconfig(self.kubeconfig, self.name, server, pki, "admin")
        for client in _CLIENTS:
            write_kubeconfig(self.run_dir / f"{client}.kubeconfig", self.name, server, pki, client)
        settings = NodeSettings(
            name=self.name,
            address=address,
            run_dir=self.run_dir,
            cgroup=self._machine.cgroup,
            cni_folder=cni_folder() or Path("/usr/lib/cni"),
            runc=str(find_program("runc") or "runc"),
            pause_tag=PAUSE_TAG,
            nameservers=tuple(network.nameservers()),
        )
        files = {**config_files(settings), "audit-policy.json": audit_policy()}
        for name, text in files.items():
            target = self.run_dir / name
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
        (self.run_dir / "volumes").mkdir()

    def _start_programs(self, address: str) -> None:
        run_dir = self.run_dir
        etcd = self._start("etcd", etcd_command(run_dir, _PORTS))
        containerd = self._start("containerd", node_commands.containerd_command(run_dir))
        self._until("etcd answers", self._health("http://127.0.0.1:2379/health"), etcd)

        options = node_commands.apiserver_options(run_dir)
        apiserver = self._start(
            "apiserver", apiserver_command(run_dir, _PORTS, bind="0.0.0.0", advertise=address, extra=options)
        )
        version = self._machine.inside(*node_commands.ctr_command("version"))
        self._until("containerd answers", lambda: _succeeds(version), containerd)
        self.load_image(pause_folder() / "image.tar")
        context = waiting.tls_context(run_dir / "pki", "admin")
        ready = f"https://{address}:{_PORTS.apiserver}/readyz"
        self._until("the API server is ready", lambda: waiting.answers(ready, context), apiserver)

        self._start("controller-manager", controller_manager_command(run_dir, ["*"]))
        self._start("scheduler", node_commands.scheduler_command(run_dir))
        kubelet = self._start("kubelet", node_commands.kubelet_command(run_dir, self.name, address))
        self._start("proxy", node_commands.proxy_command(run_dir))
        self.kubectl("apply", "-f", str(run_dir / "addons.json"))
        self._start("volume-provisioner", node_commands.provisioner_command(run_dir))
        coredns = self._start("coredns", node_commands.coredns_command(run_dir))
        self._until("the node is Ready", self._node_is_ready, kubelet)
        self._until("DNS is ready", lambda: waiting.answers(f"http://{address}:8181/ready"), coredns)

    def _start(self, name: str, command: list[str]) -> Record:
        return start(self.run_dir / "processes", name, self._machine.inside(*command), self._log(name))

    def _log(self, name: str) -> Path:
        return self.run_dir / "logs" / f"{name}.log"

    def _until(self, what: str, ready: waiting.Probe, process: Record) -> None:
        waiting.until(what, ready, self._log(process.name), process)

    def _health(self, url: str) -> waiting.Probe:
        fetch = "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5)"
        command = self._machine.inside(sys.executable, "-c", fetch, url)
        return lambda: _succeeds(command)

    def _node_is_ready(self) -> bool:
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        return self.kubectl("get", "node", self.name, f"-o=jsonpath={path}", check=False) == "True"


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
