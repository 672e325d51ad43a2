"""The folder of one cluster's state. Only a folder that bears our mark is ever emptied."""

import shutil
from pathlib import Path

from hack.cluster.fault import ClusterError

_MARK = "made-by-covey-cluster"


def claim(run_dir: Path) -> None:
    """Makes the folder and marks it; raises ClusterError when it holds somebody else's files."""
    run_dir.mkdir(parents=True, exist_ok=True)
    if not (run_dir / _MARK).exists() and any(run_dir.iterdir()):
        raise ClusterError(
            f"{run_dir} is not empty, and no cluster of ours was in it: name a new folder with --run-dir."
        )
    (run_dir / _MARK).touch()


def discard(run_dir: Path) -> None:
    """Deletes the folder if it is ours; the mark goes last, so that half a deletion can be taken up again."""
    if not (run_dir / _MARK).exists():
        return
    for entry in run_dir.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()
    (run_dir / _MARK).unlink()
    run_dir.rmdir()
