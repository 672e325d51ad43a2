"""The one place where commands print: text of others is made visible here, and is never obeyed.

`say` is the answer, on standard output; `tell` is what is said beside it, on standard error. `data` writes
JSON or YAML, which stays valid and means the same.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import IO, Self

from agent_runtime.core.visible import visible, visible_json, visible_line
from agent_runtime.local.errors import UserError


class OutputLost(UserError):
    """Standard output does not take what is printed."""

    @classmethod
    def of(cls, error: OSError) -> Self:
        """From what the system said."""
        reason = (error.strerror or str(error)).lower()
        return cls(f"standard output cannot be written: {reason}", "Send it somewhere else.")


def say(text: str = "", *, end: str = "\n") -> None:
    """To standard output; of one line or several."""
    _write(sys.stdout, visible(text) + end)


def tell(text: str = "", *, end: str = "\n") -> None:
    """To standard error; of one line or several."""
    _write(sys.stderr, visible(text) + end)


def tell_error(what: str, cure: str = "") -> None:
    """What is wrong, and below it what to do; `error:` is red on a terminal."""
    word = "\x1b[31m\x1b[1merror: \x1b[0m" if coloured(sys.stderr, os.environ) else "error: "
    _write(sys.stderr, word + visible(what) + "\n" + (visible(cure) + "\n" if cure else ""))


def note(stream: IO[str], text: str) -> None:
    """To a stream that is given."""
    _write(stream, visible(text) + "\n")


def coloured(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """Whether colours are wanted there: on a terminal, unless NO_COLOR or TERM=dumb says otherwise."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def line(text: str) -> str:
    """Text of others as a part of one line, such as a cell of a table."""
    return visible_line(text)


def block(text: str, margin: str) -> str:
    """Text of others, of several lines, with a margin: none of its lines can pass for one of ours."""
    return "\n".join(f"{margin}{each}" for each in visible(text).split("\n"))


def say_json(value: object, *, indent: int | None = 2) -> None:
    """A value as JSON."""
    _write(sys.stdout, json_text(value, indent=indent) + "\n")


def say_data(value: object, form: str) -> None:
    """A value as `json` or `yaml`."""
    if form == "json":
        say_json(value)
        return
    from agent_runtime.cli.output.yaml_text import yaml_text

    _write(sys.stdout, yaml_text(value))


def json_text(value: object, *, indent: int | None = 2) -> str:
    """JSON in which hidden characters are escaped."""
    return visible_json(json.dumps(value, indent=indent, ensure_ascii=False))


def _write(stream: IO[str] | None, text: str) -> None:
    """As the stream can take it: what its encoding has no letter for is escaped. Raises OutputLost."""
    if stream is None:  # it was closed before the process began
        if text and sys.stdout is None and sys.stderr is not None:
            raise OutputLost("standard output is closed", "Leave >&- out, or write to /dev/null.")
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if stream is not sys.stderr:  # nobody is left to be told of that one
            raise OutputLost.of(error) from error
