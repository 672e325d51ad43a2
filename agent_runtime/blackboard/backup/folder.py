"""A folder with a board's backups, of which the newest are kept.

A store that was emptied gives backups that are valid and empty. They must not, one a day, push out the last
one that holds something: it stays besides the newest until a person deletes it, or the board is full again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from agent_runtime.blackboard.backup.file import ENDING, UNFINISHED, Verified, stem, verify
from agent_runtime.blackboard.backup.format import BadBackup

_ABANDONED = timedelta(days=1)
"""After so long nobody is writing to an unfinished file any more."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """What became of the older backups."""

    deleted: tuple[Path, ...] = ()
    damaged: tuple[str, ...] = ()
    """What is wrong with those that cannot be restored: they do not count."""
    fuller: Verified | None = None
    """The newest with more than twice the artifacts of the latest: the board may have been emptied."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """For people: what needs looking after."""
        said = [f"an older backup cannot be restored: {problem}" for problem in self.damaged]
        if self.fuller is not None:
            said.append(
                f"the board holds less than half of what {self.fuller.path} holds ({self.fuller.contents});"
                " that file is kept: restore it if the board was emptied by mistake, delete it if not"
            )
        return tuple(said)


def keep_newest(folder: Path, board: str, keep: int, now: datetime) -> Tidied:
    """Delete what is older than the `keep` newest backups of the board that verify. Raises OSError.

    The fullest of the older ones stays too while it holds more than twice as much as any of the newest.
    """
    for path in _unfinished(folder, board):
        if path.stat().st_mtime < (now - _ABANDONED).timestamp():
            path.unlink(missing_ok=True)
    found, damaged = backups(folder, board), list[str]()
    good = _that_verify(found, damaged)
    newest = list(islice(good, keep))
    problems = tuple(damaged)  # of those that should have been among the newest
    older = list(good)
    much_fuller = (one for one in older if all(_much_fuller(one, newer) for newer in newest))
    held = sorted(much_fuller, key=_artifacts)[-1:]  # at most one
    deleted = []
    if len(newest) == keep:
        stay = {one.path for one in held}
        deleted = [path for path in found if path < newest[-1].path and path not in stay]
    for path in deleted:
        path.unlink(missing_ok=True)
    fuller = next((one for one in (*newest, *held) if _much_fuller(one, newest[0])), None)
    return Tidied(tuple(deleted), problems, fuller)


def _that_verify(paths: Iterable[Path], damaged: list[str]) -> Iterator[Verified]:
    """Those that can be restored; what is wrong with the others is added to `damaged`."""
    for path in paths:
        try:
            yield verify(path)
        except BadBackup as error:
            damaged.append(str(error))


def _artifacts(backup: Verified) -> int:
    return backup.footer.counts["artifact"]


def _much_fuller(one: Verified, other: Verified) -> bool:
    return _artifacts(one) > 2 * _artifacts(other)


def backups(folder: Path, board: str) -> list[Path]:
    """Those of this board, newest first."""
    pattern = re.compile(rf"{re.escape(stem(board))}\d{{8}}T\d{{6}}\.\d{{6}}Z{re.escape(ENDING)}")
    return sorted((path for path in folder.iterdir() if pattern.fullmatch(path.name)), reverse=True)


def _unfinished(folder: Path, board: str) -> list[Path]:
    """What is being written, or was when its writer was killed."""
    return sorted(folder.glob(f"{stem(board)}*{ENDING}.*{UNFINISHED}"))
