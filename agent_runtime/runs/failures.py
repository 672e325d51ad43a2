"""What is told of a failure: a message on a line, the exception's type, and a bounded traceback.

Exceptions of our own have messages for people. One of a user's function is explained: its type, where it was
raised, what caused it. Every text can be encoded in UTF-8 and is bounded, whatever the exception holds.
"""

import sysconfig
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException, extract_tb

from agent_runtime.core.background import encodable
from agent_runtime.runs.errors import NodeFailed

MOST_MESSAGE = 2000
"""Characters of a message."""
MOST_TRACEBACK = 6000
"""Characters of a traceback; its middle is cut, for the ends say most."""
_MOST_LINE = 400
_MOST_CAUSES = 3
_MOST_MEMBERS = 3
_MOST_FRAMES = 20
_LIBRARIES = tuple(
    dict.fromkeys(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
)
_OURS = str(Path(__file__).parents[1])


class Raised(NodeFailed):
    """A user's code raised: `kind` is the exception's type, `trace` its traceback as text."""

    def __init__(self, message: str, kind: str = "", trace: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace


def raised(name: str, error: BaseException) -> Raised:
    """What the function `name` raised, as the failure of its node."""
    try:
        place = _place(error)
        message = f"python {name}: {_told(error)}" + (f" ({place})" if place else "")
    except Exception as failed:  # even isinstance runs code of the exception's class
        kind = type(error).__name__
        message = f"python {name}: {kind}, which cannot be looked at: {type(failed).__name__}"
    return Raised(_bounded(message, MOST_MESSAGE), type(error).__name__, traceback_text(error))


def message_of(error: BaseException) -> str:
    """The message for people; the type where there is none."""
    return _bounded(_text(error), MOST_MESSAGE) or type(error).__name__


def details_of(error: BaseException | None) -> tuple[str, str]:
    """Type and traceback of the user's exception that a failure comes from; empty when it does not."""
    seen = 0
    while error is not None and seen < 100:
        if isinstance(error, Raised):
            return error.kind, error.trace
        error, seen = error.__cause__, seen + 1
    return "", ""


def traceback_text(error: BaseException) -> str:
    """Its traceback, those of its causes and of the members of a group, without the runtime's own frames."""
    try:
        described = TracebackException.from_exception(error, max_group_width=5, max_group_depth=3)
        _drop_ours(described)
        lines = "".join(described.format()).splitlines()
    except Exception as failed:  # an exception may refuse even to be printed
        frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]
        told = [*StackSummary.from_list(frames[-_MOST_FRAMES:]).format(), type(error).__name__]
        lines = f"{''.join(told)}, which cannot be printed: {type(failed).__name__}".splitlines()
    text = "\n".join(line if len(line) <= _MOST_LINE else f"{line[:_MOST_LINE]}..." for line in lines)
    text = encodable(text)
    if len(text) <= MOST_TRACEBACK:
        return text
    head = MOST_TRACEBACK // 4
    tail = MOST_TRACEBACK - head
    return f"{text[:head]}\n... [{len(text) - head - tail} characters cut] ...\n{text[-tail:]}"


def _drop_ours(described: TracebackException) -> None:
    stack = described.stack
    first = next((at for at, frame in enumerate(stack) if not frame.filename.startswith(_OURS)), len(stack))
    del stack[:first]
    for other in (described.__cause__, described.__context__, *(described.exceptions or ())):
        if other is not None:
            _drop_ours(other)


def _told(error: BaseException) -> str:
    """Type, message, members of a group and causes, on a line."""
    told = _headline(error)
    if isinstance(error, BaseExceptionGroup):
        members = [_headline(member) for member in error.exceptions[:_MOST_MEMBERS]]
        more = len(error.exceptions) - len(members)
        told += f": {'; '.join(members)}" + (f"; and {more} more" if more else "")
    cause, count = error.__cause__, 0
    while cause is not None and count < _MOST_CAUSES:
        told += f", caused by {_headline(cause)}"
        cause, count = cause.__cause__, count + 1
    return told


def _headline(error: BaseException) -> str:
    message = " ".join(_bounded(_text(error), MOST_MESSAGE).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return encodable(str(error))
    except Exception as failed:
        return f"(its message cannot be read: {type(failed).__name__})"


def _place(error: BaseException) -> str:
    """Where it was raised: the innermost line of the user's own code, as `steps.py:4, in read`."""
    if isinstance(error, SyntaxError) and error.filename:
        return ""  # its message has file and line
    frames = _frames(error)
    own = [frame for frame in frames if not frame.filename.startswith((*_LIBRARIES, _OURS, "<frozen"))]
    for frame in reversed(own or frames):
        return encodable(f"{Path(frame.filename).name}:{frame.lineno}, in {frame.name}")
    return ""


def _frames(error: BaseException) -> list[FrameSummary]:
    try:
        described = TracebackException.from_exception(error, lookup_lines=False)
    except Exception:
        return []
    return list(described.stack)


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 40]}... [{len(text)} characters]"
