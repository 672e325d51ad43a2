"""Lines of those who wait for something by name: one wake lets one go on, in the order in which they came."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class WaitQueues:
    """On one event loop; nothing polls."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[asyncio.Event, None]] = {}
        self.closed = False
        """When True nobody waits any more: the server drains."""

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @contextmanager
    def on(self, name: str) -> Iterator[asyncio.Event]:
        """An event of the caller's own, at the end of the line: set when it is its turn to look.

        Clear it before each look, so that no wake is lost. Who leaves with the event set passes the wake on.
        """
        event = asyncio.Event()
        if self.closed:
            event.set()
        line = self._waiting.setdefault(name, {})
        line[event] = None
        try:
            yield event
        finally:
            del line[event]
            if event.is_set():
                self.wake(name)
            if not line and self._waiting.get(name) is line:
                del self._waiting[name]

    def wake(self, name: str) -> None:
        """Let the first who sleeps look."""
        for event in self._waiting.get(name, ()):
            if not event.is_set():
                event.set()
                return

    def wake_each(self, name: str) -> None:
        """Let all of one line look."""
        for event in self._waiting.get(name, ()):
            event.set()

    def wake_all(self) -> None:
        """Let everybody look: something may have happened that was not heard of."""
        for name in self._waiting:
            self.wake_each(name)

    def close(self) -> None:
        """Let everybody go, and those who come later too."""
        self.closed = True
        self.wake_all()
