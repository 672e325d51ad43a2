"""The control group under which a node keeps its pods, apart from the machine's own groups."""

import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def version(mounts: str) -> int:
    """2 where the unified hierarchy is what /sys/fs/cgroup is, else 1; takes the text of /proc/mounts."""
    for line in mounts.splitlines():
        _, target, kind, *_ = line.split(" ")
        if target == str(ROOT):
            return 2 if kind == "cgroup2" else 1
    return 1


def create(name: str) -> None:
    """Makes the group in every hierarchy, with every controller that the machine offers."""
    if version(Path("/proc/mounts").read_text()) == 2:
        _enable_controllers(ROOT)
        (ROOT / name).mkdir(exist_ok=True)
        _enable_controllers(ROOT / name)
        return
    for hierarchy in _hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        # In version 1 a new cpuset is empty, and nothing can run in it.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (group / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())


def remove(name: str, seconds: float = 60.0) -> list[Path]:
    """Deletes the group and all below it, whose processes must be ending; returns what would not go."""
    deadline = time.monotonic() + seconds
    while True:
        left = [group for hierarchy in (ROOT, *_hierarchies()) for group in _remove_tree(hierarchy / name)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _hierarchies() -> list[Path]:
    return [
        folder
        for folder in ROOT.iterdir()
        if folder.is_dir() and not folder.is_symlink() and os.path.ismount(folder)
    ]


def _enable_controllers(group: Path) -> None:
    offered = (group / "cgroup.controllers").read_text().split()
    for controller in offered:
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue  # Some are in the machine's hands alone; kubelet names those it cannot do without.


def _remove_tree(group: Path) -> list[Path]:
    left = []
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError:
            left.append(Path(folder))
    return left
