"""The event log of a board that runs: its journal, its relay, and what a log begins with."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.stores.errors import StoreError
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import DeadLetterSnapshot, DeliverySnapshot, Snapshot
from agent_runtime.core.background import keep_running, spawn
from agent_runtime.core.tasks import end
from agent_runtime.eventlog.availability import RETRY, Availability
from agent_runtime.eventlog.brokers.port import EventLog, LogUnavailable
from agent_runtime.eventlog.journal import CAPACITY, EventBuffer
from agent_runtime.eventlog.metrics import LogMetrics
from agent_runtime.eventlog.records import VERSION, LoggedEvent, logged
from agent_runtime.eventlog.relay import ArtifactPublisher

_PATIENCE_SECONDS = 3.0
"""How long a server waits for the log when it starts, and when it ends."""


class Recorder:
    """Writes a board's log. `async with` it, once the store is open."""

    def __init__(
        self,
        store: Store,
        log: EventLog,
        clock: Callable[[], datetime],
        metrics: LogMetrics | None = None,
        *,
        capacity: int = CAPACITY,
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._availability = Availability()
        self._journal = EventBuffer(
            log,
            secrets.token_hex(8),
            self._availability,
            clock,
            capacity=capacity,
            on_lost=metrics.lost if metrics else lambda count: None,
        )
        self._relay = ArtifactPublisher(store, log, self._availability)
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = False
        if metrics:
            metrics.up.set_function(lambda: 0.0 if self.fault else 1.0)
            metrics.waiting.set_function(lambda: float(self._journal.waiting))

    def observe(self, event: BoardEvent) -> None:
        """The board's observer."""
        self._journal.observe(event)
        self._relay.observe(event)

    @property
    def fault(self) -> str:
        """What is wrong with the log; empty when all is well."""
        return self._availability.fault

    def may_prune(self) -> bool:
        """Whether the log has what retention would delete."""
        return not self._relay.behind

    async def check(self) -> None:
        """Raises LogUnavailable with what is wrong."""
        if self.fault:
            raise LogUnavailable(self.fault)

    async def __aenter__(self) -> "Recorder":
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._begin()  # now, so that the log begins before anything happens
        except (LogUnavailable, StoreError, TimeoutError) as error:
            self._availability.away("events", error)
        self._tasks = [
            self._kept_running("events", self._begin_and_write),
            self._kept_running("artifacts", self._relay.run),
        ]
        return self

    def _kept_running(self, part: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """An unforeseen error is told like a log that is unavailable, and the writer is started again."""
        name = f"event log: {part}"

        def failed(failure: Exception) -> None:
            self._availability.away(part, failure)

        return spawn(keep_running(work, name=name, on_failure=failed), name=name)

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            await end(task)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._begin()
                await self._journal.flush()
                await self._relay.catch_up()
        except (LogUnavailable, StoreError, TimeoutError) as error:
            # the next server writes the artifacts; the events of the last moment are lost
            self._availability.away("events", error)
        finally:
            await self._log.close()

    async def _begin_and_write(self) -> None:
        failures = 0
        while True:
            try:
                await self._begin()
                break
            except (LogUnavailable, StoreError) as error:
                failures += 1
                if isinstance(error, LogUnavailable):
                    self._availability.away("events", error)
                await asyncio.sleep(RETRY.delay(failures))
        await self._journal.run()

    async def _begin(self) -> None:
        """Note who is subscribed, for a log that lost its beginning; in a new one, the board itself."""
        if self._begun:
            return
        await self._log.open()
        is_new = await self._log.last("events") is None
        if is_new:
            frozen = await self._store.snapshot()
            self._note_board(frozen)
            members = frozen.subscribers
        else:
            members = (await self._store.subscribers()).members
        self._journal.stand(members)
        self._begun = True
        self._availability.back("events")

    def _note_board(self, frozen: Snapshot) -> None:
        if frozen.position == 0:
            return
        at = self._clock()
        self._journal.note(partial(self._record, "began", at, position=frozen.position))
        for kept in frozen.deliveries:
            self._journal.note(partial(self._record, "kept", at, kept=kept))
        for buried in frozen.dead_letters:
            self._journal.note(partial(self._record, "buried", at, buried=buried))

    def _record(
        self,
        kind: str,
        at: datetime,
        seq: int,
        *,
        position: int = 0,
        kept: DeliverySnapshot | None = None,
        buried: DeadLetterSnapshot | None = None,
    ) -> bytes:
        return logged(
            LoggedEvent(
                v=VERSION,
                kind=kind,
                at=at,
                instance=self._journal.instance,
                seq=seq,
                position=position,
                kept=kept,
                buried=buried,
            )
        )
