"""The node as a machine of its own: namespaces of processes, mounts, network and host name.

Process 1 in there only waits (build/pause). Ending it makes the kernel end every process of the node and drop
its mounts, bridges, network namespaces and packet filters: nothing is left that could be forgotten.
"""

import json
import subprocess
import time
from pathlib import Path

from hack.cluster.fault import ClusterError
from hack.cluster.node import cgroups, network
from hack.cluster.node.network import Cable
from hack.cluster.processes import Record, record, recorded, start
from hack.cluster.programs import PAUSE

_PRIVATE_FOLDERS = ("/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods")
"""Paths that are fixed in kubelet and the CNI: the node has its own, kept under its run folder."""


class Machine:
    """Namespaces that exist from `boot` to `shut_down`, which work on the same run folder in any process."""

    def __init__(self, name: str, run_dir: Path) -> None:
        self.name = name
        self.run_dir = run_dir
        self.cgroup = f"covey-{name}"
        self._records = run_dir / "machine"

    @property
    def init(self) -> Record | None:
        """Process 1 of the node, by the id it has outside; None when the node is down."""
        return next(
            (entry for entry in recorded(self._records) if entry.name == "init" and entry.alive), None
        )

    def boot(self) -> Cable:
        """Makes the namespaces and the control group, and plugs in the network."""
        cable = Cable(self.name, network.free_subnet(self.name, network.networks_in_use()))
        held_by = network.holder(cable.interface)
        if held_by is not None:
            down = f"python -m hack.cluster down --name {self.name} --run-dir {held_by}"
            raise ClusterError(
                f"A node named {self.name} is up already, in {held_by}. Take it down with `{down}`, or give "
                "this one another name with --name."
            )
        cgroups.create(self.cgroup)
        self._make_mount_points()
        log = self.run_dir / "logs" / "machine.log"
        flags = ["--fork", "--kill-child", "--pid", "--mount", "--net", "--uts"]
        command = [
            "unshare",
            *flags,
            "--propagation=private",
            "--mount-proc",
            str(PAUSE.path()),
            str(self.run_dir),
        ]
        parent = start(self._records, "unshare", command, log)
        init = record(self._records, "init", _only_child(parent, log))
        network.connect(cable, init.pid, self.run_dir)
        self._run(f"hostname {self.name} && mount --make-rshared / && mount -t tmpfs -o mode=755 tmpfs /run")
        for number, folder in enumerate(_PRIVATE_FOLDERS):
            own = self.run_dir / "private" / str(number)
            own.mkdir(parents=True)
            self._run(f'mount --bind "{own}" {folder}')
        return cable

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command in the node."""
        init = self.init
        if init is None:
            raise ClusterError(f"The node {self.name} is not up. Start it with `python -m hack.cluster up`.")
        return ["nsenter", f"--target={init.pid}", "--mount", "--pid", "--net", "--uts", "--", *command]

    def shut_down(self) -> bool:
        """Ends everything in the node and removes its traces outside; whether it was up."""
        init = self.init
        for entry in recorded(self._records):
            entry.stop(grace=0)
        if network.holder(network.interface_of(self.name)) in (None, str(self.run_dir)):
            network.disconnect(self.name)
            left = cgroups.remove(self.cgroup)
            if left:
                raise ClusterError(f"These control groups would not go: {', '.join(map(str, left))}")
        self._remove_mount_points()
        return init is not None

    def _run(self, script: str) -> None:
        done = subprocess.run(self.inside("sh", "-c", script), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"Setting up the node: `{script}` failed: {done.stderr.strip()}")

    def _make_mount_points(self) -> None:
        made = []
        for folder in map(Path, _PRIVATE_FOLDERS):
            for each in (*reversed(folder.parents), folder):
                if not each.exists():
                    each.mkdir()
                    made.append(str(each))
        (self.run_dir / "mount-points.json").write_text(json.dumps(made))

    def _remove_mount_points(self) -> None:
        file = self.run_dir / "mount-points.json"
        for folder in reversed(json.loads(file.read_text()) if file.exists() else []):
            try:
                Path(folder).rmdir()
            except OSError:
                continue  # Somebody else uses it by now.


def _only_child(parent: Record, log: Path) -> int:
    """The process that unshare has forked; waits until it is there."""
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline and parent.alive:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        # Between fork and exec the child is still called unshare and has not mounted its /proc.
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == PAUSE.name:
            return int(children[0])
        time.sleep(0.01)
    raise ClusterError(
        "The kernel refuses the node its namespaces; it takes root with CAP_SYS_ADMIN and CAP_NET_ADMIN. "
        f"unshare said: {log.read_text().strip() or 'nothing'}"
    )
