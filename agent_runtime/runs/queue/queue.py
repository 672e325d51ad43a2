"""The queue of runs on a store: rules applied, and those who wait woken.

Any number of server processes may run one on the same store. What another process did is found out by a
look at the store's last sequence number, a few times a second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import orjson
import structlog

from agent_runtime.core.background import report, spawn
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.times import micros
from agent_runtime.durable.port import Unavailable
from agent_runtime.runs.queue import rules
from agent_runtime.runs.queue.port import NotQueued, QueueState, TaskLease, TicketLost, Wanted
from agent_runtime.runs.queue.rules import Row
from agent_runtime.runs.queue.stores.port import QueueStore
from agent_runtime.runs.queue.wait_queues import WaitQueues

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_ANYTHING = ""
"""The line of those who follow the changes."""
_LOOK_SECONDS = 0.25


class StoredQueue:
    """A `RunQueue`. `async with` it: entering opens the store, leaving lets all who wait go and closes it."""

    def __init__(self, store: QueueStore, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.store = store
        self._clock = clock
        self._lines = WaitQueues()
        self._seen = 0
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "StoredQueue":
        await self.store.open()
        self._looking = spawn(self._look_again_and_again(), name="queue")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drain()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        await self.store.close()

    @property
    def draining(self) -> bool:
        """True once `drain` was called."""
        return self._lines.closed

    @property
    def waiting(self) -> int:
        """How many callers wait for a ticket or a change."""
        return len(self._lines)

    def drain(self) -> None:
        """Let all who wait go, now and from now on; everything else keeps working."""
        self._lines.close()

    async def submit(self, run: str, queue: str, body: bytes) -> bool:
        """See `RunQueue.submit`."""
        new = await self.store.insert(Row(run, queue, self._now(), body))
        if new:
            self._changed(queue, waits=True)
        return new

    async def update(self, run: str, body: bytes | None, wanted: Wanted) -> None:
        """See `RunQueue.update`."""
        row = await self.store.change(run, lambda row: rules.updated(row, body, wanted))
        self._changed(row.queue, waits=row.state == "Waiting")

    async def take(
        self, queue: str, holder: str, ttl: float, *, wait: float = 0.0, claim: str | None = None
    ) -> TaskLease | None:
        """See `RunQueue.take`."""

        async def look() -> TaskLease | None:
            until = self._now() + round(ttl * 1e6)
            take = partial(rules.taken, holder=holder, claim=claim, until=until)
            row = await self.store.claim(queue, claim, take)
            if row is None:
                return None
            self._changed(queue, waits=False)
            return row.ticket()

        return await self._patiently(queue, look, wait)

    async def heartbeat(self, ticket: TaskLease, ttl: float, progress: bytes | None = None) -> Wanted:
        """See `RunQueue.heartbeat`."""
        if ttl > 0:
            until = self._now() + round(ttl * 1e6)
            row = await self._change(ticket, lambda row: rules.kept(row, ticket, until, progress))
        else:
            row = await self._change(ticket, lambda row: rules.given_back(row, ticket, progress))
        self._changed(row.queue, waits=row.state == "Waiting")
        return row.wanted

    async def finish(self, ticket: TaskLease, outcome: bytes) -> None:
        """See `RunQueue.finish`. Raises ValueError for an outcome that is not a JSON object."""
        suspends = _suspends(outcome)
        row = await self._change(ticket, lambda row: rules.finished(row, ticket, outcome, suspends))
        self._changed(row.queue, waits=False)

    async def state(self, run: str) -> QueueState | None:
        """See `RunQueue.state`."""
        row = await self.store.get(run)
        if row is None:
            return None
        return QueueState(
            row.run, row.queue, row.state, row.wanted, row.attempts, row.holder, row.outcome, row.progress
        )

    async def remove(self, run: str) -> None:
        """See `RunQueue.remove`."""
        await self.store.delete(run)

    async def changes(self, after: int, limit: int, *, wait: float = 0.0) -> list[tuple[int, str]]:
        """See `RunQueue.changes`."""

        async def look() -> list[tuple[int, str]] | None:
            return await self.store.changes(after, limit) or None

        return await self._patiently(_ANYTHING, look, wait) or []

    async def counts(self) -> dict[tuple[str, str], int]:
        """How many runs there are, by (queue, state)."""
        return await self.store.counts()

    async def worked_on_by(self, run: str) -> str | None:
        """The queue whose worker holds a ticket of the run; None when nobody does."""
        row = await self.store.get(run)
        return row.queue if row is not None and row.state == "Running" else None

    async def settle(self) -> None:
        """Take tickets that ran out from their holders; wake who waits when anything changed since."""
        now = self._now()
        last = await self.store.settle(now, lambda row: rules.expired(row, now))
        if last != self._seen:
            self._seen = last
            self._lines.wake_all()

    async def _look_again_and_again(self) -> None:
        away = False
        while True:
            try:
                await self.settle()
                away = False
            except Unavailable as error:
                if not away:
                    _log.warning("the queue's store does not answer", error=str(error))
                away = True
            except Exception as error:  # whatever it is, tickets that ran out must come back
                if not away:
                    report("queue", error)
                away = True
            await self._clock.sleep(_LOOK_SECONDS)

    async def _change(self, ticket: TaskLease, rule: Callable[[Row], Row]) -> Row:
        try:
            return await self.store.change(ticket.run, rule)
        except NotQueued as error:
            raise TicketLost(ticket.run, ticket.generation, "the run was removed") from error

    async def _patiently(self, name: str, look: Callable[[], Awaitable[T | None]], wait: float) -> T | None:
        """What `look` finds; looks again whenever `name` is woken, for `wait` seconds."""
        if wait <= 0:
            return await look()
        deadline = asyncio.get_running_loop().time() + wait
        with self._lines.on(name) as woken:
            while True:
                woken.clear()
                found = await look()
                if found is not None or self._lines.closed:
                    return found
                try:
                    async with asyncio.timeout_at(deadline):
                        await woken.wait()
                except TimeoutError:
                    return None

    def _changed(self, queue: str, *, waits: bool) -> None:
        if waits:
            self._lines.wake(queue)
        self._lines.wake_each(_ANYTHING)

    def _now(self) -> int:
        return micros(self._clock.now())


def _suspends(outcome: bytes) -> bool:
    """Whether an outcome says that the run waits for something. Raises ValueError."""
    content = orjson.loads(outcome)
    if not isinstance(content, dict):
        raise ValueError(f"an outcome is a JSON object, not {type(content).__name__}")
    return content.get("waiting") is not None
