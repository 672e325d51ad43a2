"""The live feed: the last events, and those to come, for the display, the logs and event streams."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from agent_runtime.core.background import encodable, plain_json
from agent_runtime.local.event_file import EventFile
from agent_runtime.telemetry.events import Event

KEPT = 10_000
"""Events that are remembered; a follower that is further behind misses the oldest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and its place in the feed, from 1."""

    number: int
    event: Event

    def wire(self) -> dict[str, Any]:
        """As it is sent to the commands."""
        event = self.event
        return {
            "number": self.number,
            "at": event.at.isoformat().replace("+00:00", "Z"),
            "kind": event.kind,
            "subject": event.subject,
            "message": event.message,
            "data": dict(event.data),
        }


def _encodable(event: Event) -> Event:
    """The event with texts that can be sent: what users' code says may hold lone surrogates."""
    try:
        orjson.dumps([event.subject, event.message, event.data], default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # orjson's own errors are TypeErrors
        data = orjson.loads(plain_json(dict(event.data)))
        return replace(event, subject=encodable(event.subject), message=encodable(event.message), data=data)
    return event


class EventBroadcaster:
    """An Observer that can be followed. All of it lives in one event loop.

    With a file it remembers what processes before this one saw; numbers go on from theirs.
    """

    def __init__(self, kept: int = KEPT, process: str | None = None) -> None:
        """`process` is in the ids of events: numbers begin at 1 in every process."""
        self._process = process or secrets.token_hex(4)
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._last = 0
        self._news = asyncio.Event()
        self._closed = False
        self._file: EventFile | None = None
        self._before = 0

    def keep_in(self, file: EventFile) -> None:
        """Remember what the file holds, and write what comes to it. Before the first event."""
        for number, event in file.read():
            self._entries.append(Entry(number, event))
            self._last = max(self._last, number)
        self._before = self._last
        self._file = file

    @property
    def last(self) -> int:
        """The number of the newest event; 0 before the first."""
        return self._last

    def __call__(self, event: Event) -> None:
        """Take an event in, and wake everybody who follows."""
        self._last += 1
        entry = Entry(self._last, _encodable(event))
        self._entries.append(entry)
        if self._file is not None:
            self._file.append(entry.wire())
        self._wake()

    def id_of(self, entry: Entry) -> str:
        """For an event stream: whoever comes back with it goes on behind the entry."""
        return f"{self._process}-{entry.number}"

    def place_of(self, id_: str) -> int:
        """The number in an id of this process; 0, the beginning, for any other: nothing is missed."""
        process, _, number = id_.rpartition("-")
        known = process == self._process and number.isascii() and number.isdecimal() and len(number) < 20
        return int(number) if known and int(number) <= self._last else 0

    def after(self, number: int) -> list[Entry]:
        """What came after the event of that number, as far as it is remembered."""
        return [entry for entry in self._entries if entry.number > number]

    async def follow(self, after: int) -> AsyncIterator[Entry]:
        """What came after that event, then what comes, until the feed is closed."""
        while True:
            news = self._news
            for entry in self.after(after):
                after = entry.number
                yield entry
            if self._closed and after >= self._last:
                return
            if self._last <= after:
                await news.wait()

    async def live(self) -> AsyncIterator[Entry]:
        """As `follow`, from the first event of this process on."""
        async for entry in self.follow(0):
            if entry.number > self._before:
                yield entry

    def close(self) -> None:
        """No more events will come: let the followers end."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
