"""Where a running `covey up` is, as the other commands find it."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from agent_runtime.local.errors import UserError
from agent_runtime.local.manifests.files import write_private

SERVER_FILE = "server.json"
START_IT = "Start it with: covey up DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The server of one `covey up`. The token is a secret: it is kept in files of mode 0600 only."""

    url: str
    token: str
    pid: int
    folder: str
    """The folder whose manifests it runs."""

    def to_json(self) -> str:
        """As it stands in the file."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, state: Path) -> Self | None:
        """The address in a state folder; None when no server is running there."""
        try:
            address = cls(**json.loads((state / SERVER_FILE).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return address if _alive(address.pid) else None


def find(state: Path | None, environ: Mapping[str, str], here: Path) -> Address:
    """The running server that a command means: `--state`, else COVEY_STATE, else `.covey` in this folder
    or one above it, else the only one that this user runs. Raises UserError when there is none, or several.
    """
    chosen = state or (Path(environ["COVEY_STATE"]) if environ.get("COVEY_STATE") else None)
    if chosen is not None:
        address = Address.read(chosen)
        if address is None:
            raise UserError(f"no covey up is running with the state folder {chosen}", START_IT, code=2)
        return address
    for folder in (here, *here.parents):
        if address := Address.read(folder / ".covey"):
            return address
    running = [a for s in remembered(environ) if (a := Address.read(s))]
    if not running:
        raise UserError("covey up is not running", START_IT, code=2)
    if len(running) > 1:
        listed = "\n".join(f"  {a.folder} at {a.url}" for a in running)
        raise UserError(
            f"several covey up are running:\n{listed}", "Say which one with --state DIR/.covey.", code=2
        )
    return running[0]


def remember(state: Path, environ: Mapping[str, str]) -> None:
    """Note the state folder where `find` sees it from anywhere. A note that cannot be written is left out."""
    known = [s for s in remembered(environ) if s != state.resolve() and Address.read(s)]
    note = _note(environ)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        write_private(note, "".join(f"{s}\n" for s in (*known, state.resolve())))
    except (OSError, UserError):
        return


def remembered(environ: Mapping[str, str]) -> list[Path]:
    """State folders that were noted, in use or not."""
    try:
        return [Path(line) for line in _note(environ).read_text().splitlines() if line]
    except OSError:
        return []


def _note(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_STATE_HOME") or str(
        Path(environ.get("HOME", "~")).expanduser() / ".local" / "state"
    )
    return Path(home) / "covey" / "running"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
