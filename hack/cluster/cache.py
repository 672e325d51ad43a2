"""Where built programs and images are kept: one folder per part and version, shared by all checkouts.

    ~/.cache/covey/cluster/etcd-1f0c9a5be2d4/etcd

A folder appears whole, by one rename, or not at all; so whoever sees it may use it without a lock.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PART = re.compile(r"\.?[a-z-]+-[0-9a-f]{12}(\.\w+)?")
UNUSED_AFTER = 30 * 24 * 3600.0


def cache_home(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/covey/cluster`, by default under ~/.cache."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "covey" / "cluster"


def content_key(files: Iterable[Path], recipe: str) -> str:
    """Twelve hex digits that change with the machine's architecture, the recipe, a file's name or bytes."""
    digest = hashlib.sha256(f"{platform.machine()}\n{recipe}\n".encode())
    for file in sorted(files, key=lambda file: file.name):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that takes its place when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def locked(home: Path, waiting: str) -> Iterator[None]:
    """Holds the cache's lock; prints `waiting` when another process has it. The kernel frees it at exit."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def forget_unused(home: Path, now: float | None = None) -> list[Path]:
    """Deletes parts that nobody has used for 30 days, and drafts that a killed build left; returns them."""
    limit = (time.time() if now is None else now) - UNUSED_AFTER
    parts = [folder for folder in home.iterdir() if _PART.fullmatch(folder.name)]
    old = [folder for folder in parts if folder.stat().st_mtime < limit]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return old
