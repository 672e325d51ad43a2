"""The one line in which an agent says how far it is. Pure."""

import re

from agent_runtime.blackboard.board import BoardError

LONGEST = 256
"""Characters of a note."""

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, ends of lines, what turns the reading direction around, and halves of characters."""


def check(note: str) -> None:
    """Raises BoardError for what is no note."""
    if len(note) > LONGEST:
        _refuse(f"a note has at most {LONGEST} characters, this one has {len(note)}")
    if (unfit := _UNFIT.search(note)) is not None:
        which = f"U+{ord(unfit[0]):04X} at {unfit.start()}"
        _refuse(f"a note is one line without control characters, this one has {which}")


def line_of(text: str) -> str:
    """The text as a note: in one line, and shortened when it is too long."""
    line = " ".join(_UNFIT.sub(" ", text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _refuse(message: str) -> None:
    raise BoardError(
        "invalid",
        f"/note: {message}",
        status=422,
        details=[{"pointer": "/note", "message": message}],
    )
