"""A cluster of `kind`, for machines with Docker: the same surface as our own node."""

import subprocess
from pathlib import Path
from typing import Self

from hack.cluster.fault import ClusterError
from hack.cluster.images.archive import archive_tags
from hack.cluster.node.node import default_run_dir
from hack.cluster.reachable import Reachable
from hack.find import find_program


def docker_answers() -> bool:
    """Whether a Docker engine is there and answers; a client without an engine does not count."""
    if find_program("docker") is None:
        return False
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=10)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


class KindCluster(Reachable):
    """A cluster that kind makes, finds and deletes by its name. It stays until `stop`."""

    def __init__(self, name: str = "covey") -> None:
        self.name = name

    @property
    def kubeconfig(self) -> Path:
        return default_run_dir(self.name) / "kind.kubeconfig"

    @property
    def running(self) -> bool:
        return self.name in _kind("get", "clusters").split()

    def start(self) -> Self:
        """Makes the cluster unless it is there, and writes its kubeconfig apart from the user's own."""
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        if self.running:
            _kind("export", "kubeconfig", f"--name={self.name}", f"--kubeconfig={self.kubeconfig}")
        else:
            _kind(
                "create", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig}", "--wait=180s"
            )
        return self

    def stop(self) -> bool:
        """Deletes the cluster; whether it was up."""
        was_up = self.running
        _kind("delete", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig}")
        self.kubeconfig.unlink(missing_ok=True)
        return was_up

    def images(self) -> set[str]:
        """Unknown: kind has no command that lists them."""
        return set()

    def load_image(self, archive: Path) -> list[str]:
        """Brings the images of a `docker save` archive into the cluster; returns their names."""
        _kind("load", "image-archive", str(archive), f"--name={self.name}")
        return archive_tags(archive)


def _kind(*arguments: str) -> str:
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(
            f"kind {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr.strip()}"
        )
    return done.stdout
