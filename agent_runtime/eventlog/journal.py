"""The track of events: an observer that never blocks, and a task that writes what it has noted.

The log is not on the path of a publication. What is noted waits in a bounded buffer, for a fifth of a second
when all is well; when the log is away for so long that the buffer is full, the oldest events go, and a `gap`
record says how many.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import structlog

from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.eventlog.availability import RETRY, Availability
from agent_runtime.eventlog.brokers.port import EventLog, LogUnavailable
from agent_runtime.eventlog.records import VERSION, LoggedEvent, event_record, logged, standing

FLUSH_SECONDS = 0.2
"""How long an event waits at most before it is written."""
CAPACITY = 100_000
"""Events that wait; a few hundred bytes each."""
_BATCH = 500
_log = structlog.get_logger(__name__)


class EventBuffer:
    """Notes a board's events, and writes them."""

    def __init__(
        self,
        log: EventLog,
        instance: str,
        availability: Availability,
        clock: Callable[[], datetime],
        *,
        capacity: int = CAPACITY,
        on_lost: Callable[[int], None] = lambda count: None,
    ) -> None:
        """`instance` names this server's life, unlike all others."""
        self._log = log
        self._instance = instance
        self._availability = availability
        self._clock = clock
        self._capacity = capacity
        self._on_lost = on_lost
        self._noted: deque[bytes] = deque()
        self._sending: list[bytes] = []
        self._written = 0
        self._seq = 0
        self._lost = 0
        self._something = asyncio.Event()

    def observe(self, event: BoardEvent) -> None:
        """The board's observer."""
        self.note(partial(event_record, event, self._instance))

    def stand(self, members: Sequence[Subscriber]) -> None:
        """Note who is subscribed now, for a log that does not know it any more."""
        for member in members:
            self.note(partial(standing, member, self._clock(), self._instance))

    def note(self, record: Callable[[int], bytes]) -> None:
        """Note a record, which is told its number."""
        if len(self._noted) >= self._capacity:
            self._noted.popleft()
            self._lost += 1
            self._on_lost(1)
            if self._lost == 1:
                _log.warning("the event log is away for too long: its oldest events are lost from now on")
        self._seq += 1
        self._noted.append(record(self._seq))
        self._something.set()

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._noted) + len(self._sending)

    @property
    def instance(self) -> str:
        """This server's life."""
        return self._instance

    async def run(self) -> None:
        """Write until cancelled."""
        failures = 0
        while True:
            await self._something.wait()
            await asyncio.sleep(RETRY.delay(failures) if failures else FLUSH_SECONDS)
            try:
                await self.flush()
                failures = 0
            except LogUnavailable:
                failures += 1

    async def flush(self) -> None:
        """Write what is noted. Raises LogUnavailable; what was not written is written the next time."""
        while self._take():
            try:
                await self._log.open()
                await self._log.append_events(self._sending, self._instance, self._written + 1)
            except LogUnavailable as error:
                self._availability.away("events", error)
                raise
            self._written += len(self._sending)
            self._sending = []
            self._availability.back("events")

    def _take(self) -> bool:
        """Make the next batch, unless the last one is still to be written; whether there is any."""
        if not self._sending:
            if self._lost:
                self._sending.append(self._gap())
            while self._noted and len(self._sending) < _BATCH:
                self._sending.append(self._noted.popleft())
            if not self._noted:
                self._something.clear()
        return bool(self._sending)

    def _gap(self) -> bytes:
        """Says how many are lost; its number is that of the newest that is."""
        lost, self._lost = self._lost, 0
        return logged(
            LoggedEvent(
                v=VERSION,
                kind="gap",
                at=self._clock(),
                instance=self._instance,
                seq=self._seq - len(self._noted),
                count=lost,
                message="the log was away for too long",
            )
        )
