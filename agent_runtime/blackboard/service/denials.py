"""Callers who are let in nowhere, told as denied: at most one a second by name, and the others as a number.

Whoever can reach a server can send nonsense as fast as he likes; no log is to grow as fast.
"""

import asyncio
from collections.abc import Callable

from agent_runtime.blackboard.service.events import EventEmitter

_SECONDS = 1.0

Later = Callable[[float, Callable[[], None]], object]
"""Calls a function in so many seconds."""


def _later(seconds: float, call: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, call)


class ThrottledDenials:
    """Tells of each; when they come fast, the first at once, and how many followed when a second is over."""

    __slots__ = ("_last", "_later", "_more", "_tell", "_waits")

    def __init__(self, tell: EventEmitter, later: Later = _later) -> None:
        self._tell = tell
        self._later = later
        self._waits = False
        self._more = 0
        self._last = ""

    def __call__(self, message: str) -> None:
        """One more; the message says what it asked for, and why it was turned away."""
        if self._waits:
            self._more += 1
            self._last = message
            return
        self._tell("denied", message=message)
        self._wait()

    def flush(self) -> None:
        """Tell what was not told yet."""
        self._waits = False
        if self._more:
            more, self._more = self._more, 0
            self._tell("denied", message=f"{more} more callers, the last: {self._last}", count=more)

    def _over(self) -> None:
        quiet = not self._more
        self.flush()
        if not quiet:
            self._wait()

    def _wait(self) -> None:
        self._waits = True
        self._later(_SECONDS, self._over)
