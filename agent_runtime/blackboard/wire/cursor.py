"""Where somebody who reads the board goes on: a position, and what was still under embargo before it."""

import re
from dataclasses import dataclass
from datetime import datetime

from agent_runtime.blackboard.board import BoardError
from agent_runtime.core.times import micros, moment

_WRITTEN = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18})\.([0-9]{1,17})\.([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class Reopening:
    """Artifacts that were under embargo when their place was read."""

    lowest: int
    """The position of the first of them."""
    shown: tuple[datetime, int]
    """When the last one that was shown opened, and its position. They are shown in this order."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Written as `POSITION`; by a stream, while there are embargoes, as `POSITION.LOWEST.MICROSECONDS.AT`."""

    position: int
    """Everything behind it is still to come."""
    reopening: Reopening | None = None

    def __str__(self) -> str:
        if self.reopening is None:
            return str(self.position)
        opened, at = self.reopening.shown
        return f"{self.position}.{self.reopening.lowest}.{micros(opened)}.{at}"


START = Cursor(0)
"""From the oldest artifact on."""


def parse(written: str | None) -> Cursor:
    """The cursor; None is `START`. Raises BoardError `invalid`."""
    if written is None:
        return START
    parts = _WRITTEN.fullmatch(written) if written.isascii() else None
    if parts is None:
        shown = written if len(written) <= 60 else f"{written[:57]}..."
        raise BoardError("invalid", f"{shown!r} is no cursor: use the one that came before", status=422)
    if parts[2] is None:
        return Cursor(int(parts[1]))
    return Cursor(int(parts[1]), Reopening(int(parts[2]), (moment(int(parts[3])), int(parts[4]))))
