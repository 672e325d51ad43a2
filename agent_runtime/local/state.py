"""The state folder: the keys, the artifacts and the runs of one `covey up`, which holds its lock."""

import fcntl
import io
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Self

from agent_runtime.core.forked import not_in_children
from agent_runtime.local.address import SERVER_FILE, Address
from agent_runtime.local.errors import UserError
from agent_runtime.local.manifests.files import write_private, written

FOLDER = ".covey"
BOARDS = "blackboards"
BOARD_ENDING = ".db"


class StateFolder:
    """An open, locked state folder. Close it, or leave its `with` block, to let another process have it."""

    __slots__ = ("_lock", "path")

    def __init__(self, path: Path, lock: io.FileIO) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make the folder where it is missing, and lock it. Raises UserError when that cannot be."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (path / "lock").open("a+b", buffering=0)  # so that nothing is left to be written later
        except OSError as error:
            raise UserError(
                f"the state folder {path} cannot be written: {error.strerror}",
                "Make it writable, or choose another with --state.",
                code=2,
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().decode().strip() or "another process"
            lock.close()
            raise UserError(
                f"the state folder {path} is in use by another covey up ({holder})",
                "Stop that one, or choose another folder with --state.",
                code=2,
            ) from error
        not_in_children(lock, lambda held: held.close())
        with written(path):
            lock.truncate(0)
            lock.write(f"pid {os.getpid()}".encode())
            if not (path / ".gitignore").exists():
                (path / ".gitignore").write_text("*\n")
        return cls(path, lock)

    def install_key(self) -> bytes:
        """The key from which all others are derived; made at the first call and kept."""
        return bytes.fromhex(self._kept("install-key", lambda: secrets.token_hex(32)))

    def announce(self, url: str, folder: Path) -> Address:
        """Mint the token of this start, and write down where the server is, for the other commands."""
        address = Address(
            url=url, token=secrets.token_urlsafe(32), pid=os.getpid(), folder=str(folder.resolve())
        )
        write_private(self.path / SERVER_FILE, address.to_json())
        return address

    def board(self, name: str) -> Path:
        """The SQLite file of a blackboard."""
        return self.folder(BOARDS) / f"{name}{BOARD_ENDING}"

    def folder(self, name: str) -> Path:
        """A folder for one sort of state, made when it is missing."""
        folder = self.path / name
        with written(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def close(self) -> None:
        """Say that no server is here any more, and let go of the lock."""
        (self.path / SERVER_FILE).unlink(missing_ok=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        file = self.path / name
        if not file.exists():
            write_private(file, make())
        return file.read_text().strip()
