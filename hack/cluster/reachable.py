"""A cluster as its clients see it: a kubeconfig, kubectl and helm."""

import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from hack.cluster.fault import ClusterError
from hack.cluster.programs import HELM, KUBECTL, Program
from hack.find import find_program


class Reachable(ABC):
    """Runs kubectl and helm against one cluster: those we build, else those on PATH."""

    @property
    @abstractmethod
    def kubeconfig(self) -> Path:
        """A file that gives its reader every right in the cluster."""

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True, seconds: float = 300.0
    ) -> str:
        """Standard output of kubectl; raises ClusterError with its standard error unless `check` is off.

        After `seconds` it is killed, and the error raised whatever `check` says.
        """
        return _run(KUBECTL, self.kubeconfig, arguments, input, check, seconds)

    def helm(self, *arguments: str, seconds: float = 600.0) -> str:
        """Standard output of helm; raises ClusterError with its standard error."""
        return _run(HELM, self.kubeconfig, arguments, None, True, seconds)


def client(program: Program) -> str:
    """The path of a client program: ours when it is built, else the machine's own."""
    if program.path().exists():
        return str(program.path())
    found = find_program(program.name)
    if found is None:
        raise ClusterError(f"There is no {program.name}: install it, or run `python -m hack.cluster tools`.")
    return str(found)


def _run(
    program: Program,
    kubeconfig: Path,
    arguments: tuple[str, ...],
    input: str | None,
    check: bool,
    seconds: float,
) -> str:
    command = [client(program), f"--kubeconfig={kubeconfig}", *arguments]
    what = f"{program.name} {' '.join(arguments)}"
    try:
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired as expired:
        raise ClusterError(f"{what}: no end after {seconds:.0f} s") from expired
    if check and done.returncode != 0:
        raise ClusterError(f"{what}: exit status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout
