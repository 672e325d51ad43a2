"""A folder with a board's backups, of which the newest are kept."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agent_runtime.blackboard.backup_file import ENDING, UNFINISHED, stem, verify
from agent_runtime.blackboard.backup_format import BadBackup

_ABANDONED = timedelta(days=1)
"""After so long nobody is writing to an unfinished file any more."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """What became of the older backups."""

    deleted: tuple[Path, ...] = ()
    damaged: tuple[str, ...] = ()
    """What is wrong with those that cannot be restored: they do not count."""


def keep_newest(folder: Path, board: str, keep: int, now: datetime) -> Tidied:
    """Delete what is older than the `keep` newest backups of the board that verify. Raises OSError."""
    for path in _unfinished(folder, board):
        if path.stat().st_mtime < (now - _ABANDONED).timestamp():
            path.unlink(missing_ok=True)
    found = backups(folder, board)
    good, deleted, damaged = 0, [], []
    for path in found if len(found) > keep else ():
        if good == keep:
            path.unlink(missing_ok=True)
            deleted.append(path)
            continue
        try:
            verify(path)
            good += 1
        except BadBackup as error:
            damaged.append(str(error))
    return Tidied(tuple(deleted), tuple(damaged))


def backups(folder: Path, board: str) -> list[Path]:
    """Those of this board, newest first."""
    pattern = re.compile(rf"{re.escape(stem(board))}\d{{8}}T\d{{6}}\.\d{{6}}Z{re.escape(ENDING)}")
    return sorted((path for path in folder.iterdir() if pattern.fullmatch(path.name)), reverse=True)


def _unfinished(folder: Path, board: str) -> list[Path]:
    """What is being written, or was when its writer was killed."""
    return sorted(folder.glob(f"{stem(board)}*{ENDING}.*{UNFINISHED}"))
