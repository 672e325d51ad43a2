"""Contents within a cell of a table: on one line, and cut with a visible sign."""

import json

from agent_runtime.cli.output.printing import line

MOST = 60
"""Characters."""


def summary(value: object, *, wide: bool = False) -> str:
    """A value as JSON on one line; `wide`: all of it."""
    return cut(json.dumps(value, ensure_ascii=False, default=str), wide=wide)


def cut(text: str, *, wide: bool = False) -> str:
    """The text on one line; what is left out has `…` in its place."""
    shown = line(text)
    return shown if wide or len(shown) <= MOST else f"{shown[: MOST - 1]}…"
