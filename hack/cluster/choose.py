"""Which cluster to use: one that was named, else kind where Docker answers, else our own node.

A kubeconfig counts only when it is named for Covey, by --kubeconfig or COVEY_KUBECONFIG: never KUBECONFIG or
~/.kube/config, which may well point at somebody's production.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from hack.cluster.fault import ClusterError
from hack.cluster.kind import KindCluster, docker_answers
from hack.cluster.node.node import Cluster
from hack.cluster.reachable import Reachable
from hack.find import find_program

VARIABLE = "COVEY_KUBECONFIG"


class Way(StrEnum):
    """The three ways to a cluster."""

    NAMED = "kubeconfig"
    KIND = "kind"
    TOOLS = "tools"


@dataclass(frozen=True)
class Choice:
    """The way taken, why, and the kubeconfig when it was named."""

    way: Way
    reason: str
    kubeconfig: Path | None = None


def choose(
    named: str | None, environment: Mapping[str, str], kind_present: bool, docker: Callable[[], bool]
) -> Choice:
    """Decides; `docker` is asked only when it matters. Raises ClusterError when the file named is missing."""
    source = "--kubeconfig" if named else VARIABLE
    file = named or environment.get(VARIABLE)
    if file:
        if not Path(file).is_file():
            raise ClusterError(f"{source} names {file}, and there is no such file.")
        return Choice(Way.NAMED, f"{source} names {file}", Path(file))
    if not kind_present:
        return Choice(Way.TOOLS, "kind is not on PATH")
    if not docker():
        return Choice(Way.TOOLS, "kind is there, but no Docker engine answers")
    return Choice(Way.KIND, "kind is there and Docker answers")


def look(named: str | None = None) -> Choice:
    """Decides for this machine."""
    return choose(named, os.environ, find_program("kind") is not None, docker_answers)


class NamedCluster(Reachable):
    """A cluster of the user's: we neither start nor stop it, and cannot put images into it."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig.absolute()

    @property
    def kubeconfig(self) -> Path:
        return self._kubeconfig

    @property
    def running(self) -> bool:
        return bool(self.kubectl("version", "--request-timeout=20s", check=False))

    def start(self) -> Self:
        """Raises ClusterError when its API server does not answer."""
        self.kubectl("version", "--request-timeout=20s")
        return self

    def stop(self) -> bool:
        return False

    def images(self) -> set[str]:
        """Unknown: its nodes are not ours to ask."""
        return set()

    def load_image(self, archive: Path) -> list[str]:
        raise ClusterError(
            f"{archive} cannot be put into the cluster of {self.kubeconfig}: push the image to a "
            "registry from which that cluster pulls, and name it there."
        )


AnyCluster = Cluster | KindCluster | NamedCluster


def cluster_of(choice: Choice, name: str = "covey", run_dir: Path | None = None) -> AnyCluster:
    """The cluster of a choice, not started."""
    if choice.kubeconfig is not None:
        return NamedCluster(choice.kubeconfig)
    return KindCluster(name) if choice.way is Way.KIND else Cluster(run_dir, name=name)
