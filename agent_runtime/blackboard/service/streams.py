"""Streams: what somebody may see, as it is published; what is under embargo, when its time comes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.service.deadlines import Timer
from agent_runtime.blackboard.service.publish_delays import PublishDelays
from agent_runtime.blackboard.service.queries import Reader
from agent_runtime.blackboard.service.store_errors import check_batch, refusals
from agent_runtime.blackboard.service.waiters import ANYTHING, Waiter, Waiters
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.wire import cursor
from agent_runtime.blackboard.wire.cursor import Cursor, Reopening


class _Stream:
    """How far one stream has come."""

    def __init__(self, start: Cursor, now: datetime) -> None:
        self.position = start.position
        self.delays = PublishDelays()
        self.shown = start.reopening.shown if start.reopening else (now, start.position)
        """Up to `position`, everything is shown that opened until then."""
        self.lowest = start.reopening.lowest if start.reopening else None
        """From where to look for what is under embargo; None: all is known."""

    def cursor(self) -> str:
        """From where a stream goes on that takes over now."""
        lowest = self.delays.lowest
        return str(Cursor(self.position, None if lowest is None else Reopening(lowest, self.shown)))


class Streams:
    """The streams of a board."""

    def __init__(
        self, store: Store, reader: Reader, waiters: Waiters, timer: Timer, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._reader = reader
        self._waiters = waiters
        self._timer = timer
        self._clock = clock
        self._alarms: dict[Waiter, datetime] = {}

    def wake(self, now: datetime) -> datetime | None:
        """Wake those for whom an embargo ends; returns when the next one does."""
        for woken, opens in self._alarms.items():
            if opens <= now:
                woken.wake()
        return min((opens for opens in self._alarms.values() if opens > now), default=None)

    async def follow(self, reader: Identity, query: Query) -> AsyncGenerator[tuple[str, Artifact], None]:
        """See `BlackboardService.follow`."""
        check_batch(query.limit, "artifacts")
        stream = _Stream(cursor.parse(query.cursor), self._clock())
        while not self._waiters.closed:
            with self._waiters.on(ANYTHING) as woken:
                now = self._clock()
                async for shown in self._opened(stream, reader, query, now):
                    yield shown
                page = await self._look(reader, query, stream.position)
                for at, opens, artifact in page:
                    stream.position, stream.shown = at, (now, at)
                    if opens is not None and opens > now:
                        stream.delays.add((opens, at), artifact.id)
                    elif opens is not None:
                        yield stream.cursor(), self._reader.show(reader, [artifact])[0]
                if len(page) < query.limit:
                    await self._wait(woken, stream.delays.next_opens)
                else:
                    await asyncio.sleep(0)  # the memory's pages come without a pause

    async def _wait(self, woken: Waiter, opens: datetime | None) -> None:
        if opens is not None:
            self._alarms[woken] = opens
            self._timer.at_latest(opens)
        try:
            await woken.wait()
        finally:
            self._alarms.pop(woken, None)

    async def _opened(
        self, stream: _Stream, reader: Identity, query: Query, now: datetime
    ) -> AsyncGenerator[tuple[str, Artifact], None]:
        """What has come out of its embargo, in that order."""
        while True:
            if stream.lowest is not None:
                await self._search(stream, reader, query)
            while opened := stream.delays.pop(now):
                stream.shown, artifact_id = opened
                with refusals():
                    artifact = (await self._store.get([artifact_id]))[0]
                if artifact is not None and self._reader.first_hidden(reader, [artifact]) is None:
                    yield stream.cursor(), self._reader.show(reader, [artifact])[0]
            if not stream.delays.has_lost(now):
                return
            stream.lowest, stream.delays = stream.delays.lowest, PublishDelays()

    async def _search(self, stream: _Stream, reader: Identity, query: Query) -> None:
        """Find what was under embargo when it was passed, and has not been shown since."""
        assert stream.lowest is not None
        position, reading = stream.lowest - 1, True
        while reading:
            page = await self._look(reader, query, position)
            reading = len(page) == query.limit and page[-1][0] < stream.position
            for position, opens, artifact in page:
                if opens is not None and (opens, position) > stream.shown and position <= stream.position:
                    stream.delays.add((opens, position), artifact.id)
        stream.lowest = None

    async def _look(
        self, reader: Identity, query: Query, position: int
    ) -> list[tuple[int, datetime | None, Artifact]]:
        with refusals():
            return await self._reader.look(reader, query, position)
