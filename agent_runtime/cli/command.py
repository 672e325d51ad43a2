"""Commands as a person can type them again: by the name they know, and within the width of a terminal."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_WIDTH = 80


def spelled() -> str:
    """`covey` where the shell finds this very command, else how it was called, such as `.venv/bin/covey`."""
    called = sys.argv[0]
    found = shutil.which("covey")
    return "covey" if found and Path(found).resolve() == Path(called).resolve() else shlex.quote(called)


def wrapped(words: Sequence[Sequence[str]], indent: int = 2) -> str:
    """The words, quoted for a shell; those of a group stay together, and long lines go on after `\\`."""
    lines: list[str] = []
    line = " " * indent
    for group in words:
        text = shlex.join(group)
        if line.strip() and len(line) + 1 + len(text) + 2 > _WIDTH:
            lines.append(f"{line} \\")
            line = " " * (indent + 4)
        line = f"{line} {text}" if line.strip() else line + text
    return "\n".join([*lines, line])
