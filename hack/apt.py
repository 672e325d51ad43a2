"""Packages of Debian, installed as root: the only place that calls apt."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hack import bare
from hack.find import find_program

_SECONDS = 900.0


class AptError(Exception):
    """Nothing was installed; the message has apt's last words."""


def can_install() -> bool:
    """Whether this user may, and this system has apt."""
    return os.geteuid() == 0 and find_program("apt-get") is not None


def install(packages: Sequence[str], log: Path) -> None:
    """Installs them, without what they recommend; apt's words are added to the log. Raises AptError."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        for arguments in (("update", "-q"), ("install", "-y", "-q", "--no-install-recommends", *packages)):
            command = ["apt-get", *arguments]
            done = subprocess.run(
                command, stdout=output, stderr=output, env=environment, check=False, timeout=_SECONDS
            )
    if done.returncode != 0:
        raise AptError(f"{' '.join(command)}: exit status {done.returncode}")
    bare.reveal(packages)
