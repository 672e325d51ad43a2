"""What a node needs from the machine's distribution: found, or installed by apt as root."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hack import apt, bare
from hack.cluster.fault import ClusterError, last_lines
from hack.find import find_program

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))


_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def cni_folder() -> Path | None:
    """Where the bridge plugin of CNI lies, with its companions."""
    there = (folder for folder in CNI_FOLDERS if (folder / "bridge").exists())
    return next((folder for folder in there if not bare.hides(folder / "bridge")), None)


def _has_keyring() -> bool:
    return _KEYRING.exists() and not bare.hides(_KEYRING)


@dataclass(frozen=True)
class Package:
    """A Debian package and how to see that what it brings is there."""

    name: str
    present: Callable[[], object]


def _command(package: str, command: str) -> Package:
    return Package(package, lambda: find_program(command))


API_PACKAGES = (_command("openssl", "openssl"),)
NODE_PACKAGES = (
    *API_PACKAGES,
    _command("buildah", "buildah"),
    Package("containernetworking-plugins", cni_folder),
    Package("debian-archive-keyring", _has_keyring),
    _command("iproute2", "ip"),
    _command("iptables", "iptables"),
    _command("mmdebstrap", "mmdebstrap"),
    _command("nftables", "nft"),
    _command("runc", "runc"),
    _command("util-linux", "nsenter"),
)


def missing(packages: Sequence[Package]) -> list[str]:
    """The names of the packages whose content is not on this machine."""
    return [package.name for package in packages if not package.present()]


def ensure(packages: Sequence[Package], log: Path) -> list[str]:
    """Installs what is missing and returns its names; raises ClusterError with the command to run by hand."""
    absent = missing(packages)
    if not absent:
        return []
    by_hand = f"apt-get install --no-install-recommends {' '.join(absent)}"
    if find_program("apt-get") is None:
        raise ClusterError(
            f"This machine lacks: {', '.join(absent)} (names of Debian packages). Install them with its own "
            "package manager and run the command again."
        )
    if os.geteuid() != 0:
        raise ClusterError(f"This machine lacks packages. Run `sudo {by_hand}` and the command again.")
    failed = ClusterError(f"apt could not install {', '.join(absent)}. Try `{by_hand}`.")
    try:
        apt.install(absent, log)
    except apt.AptError as error:
        raise ClusterError(f"{failed}\n{last_lines(log)}") from error
    if missing(packages):
        raise ClusterError(f"{failed}\n{last_lines(log)}")
    return absent
