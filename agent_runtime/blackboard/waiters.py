"""Who waits for what: agents for their inboxes, streams for anything new. One event loop, no polling."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

ANYTHING = ""
"""The name under which those wait who want to hear of every publication."""


class Waiters:
    """Waiting tasks by name."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.closed = False
        """When True nobody waits any more: the board is draining."""

    @contextmanager
    def on(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set when `name` is woken. Enter before looking, so that no wake is lost."""
        event = asyncio.Event()
        if self.closed:
            event.set()
        waiting = self._waiting.setdefault(name, set())
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting and self._waiting.get(name) is waiting:
                del self._waiting[name]

    def wake(self, name: str) -> None:
        """Wake all who wait for `name`."""
        for event in self._waiting.get(name, ()):
            event.set()

    def wake_all(self) -> None:
        """Wake everybody: something may have happened that was not heard of."""
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()

    def close(self) -> None:
        """Let everybody go, and those who come later too."""
        self.closed = True
        self.wake_all()
