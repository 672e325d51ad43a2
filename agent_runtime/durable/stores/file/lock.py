"""Who may write a run that is kept in files: a lock for a moment, a lease for longer."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from agent_runtime.durable.port import StoreError
from agent_runtime.durable.stores.file.history import write_whole


@dataclass(frozen=True, slots=True)
class Lease:
    """The content of the file `lease`; `until` in microseconds since 1970."""

    run: str
    holder: str
    generation: int
    until: int


def read_lease(folder: Path) -> Lease | None:
    """None when there is no such run."""
    path = folder / "lease"
    try:
        return Lease(**orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (orjson.JSONDecodeError, TypeError):
        raise StoreError(f"{path} is damaged: delete it when no process runs this run") from None


def write_lease(folder: Path, lease: Lease) -> None:
    """Replace it. Raises OSError."""
    write_whole(folder / "lease", orjson.dumps(asdict(lease)))


@contextmanager
def locked(folder: Path, *, make: bool = False) -> Iterator[bool]:
    """Hold the run's lock; false inside when there is no such folder. With `make` it is made.

    The system lets go of it when the process dies.
    """
    if make:
        folder.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(folder / "lock")
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path) -> int | None:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # it was deleted while we waited: look again
