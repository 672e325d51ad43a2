"""Group commit: what a run's tasks ask for while the store is busy goes there together.

Parallel passes and mapped items all wait for the store. At most one batch is in flight; whatever is asked
meanwhile is the next one. So the number of writes follows the store's pace, not the number of items.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from functools import partial

from agent_runtime.core.background import spawn
from agent_runtime.durable.port import Entry, Record, RunStore, Writer
from agent_runtime.durable.retry import RetryPolicy


@dataclass(slots=True)
class _Batch:
    entries: deque[Entry]
    drop: list[tuple[str, int]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class Writing:
    """All writes of one run, in the order in which they were asked."""

    awaits = True

    def __init__(self, store: RunStore, writer: Writer, *, keep: int, patience: RetryPolicy) -> None:
        self.store = store
        self.patience = patience
        self.writer = writer
        self._keep = keep
        self._next = self._batch()
        self._task: asyncio.Task[None] | None = None

    def commit(self, entry: Entry, drop: Sequence[tuple[str, int]] = ()) -> Awaitable[None]:
        """It counts from now on among what is to be written; awaited, it is."""
        self._next.entries.append(entry)
        self._next.drop += drop
        return self._asked()

    def record(self, record: Record) -> Awaitable[None]:
        """The same for a record."""
        self._next.records.append(record)
        return self._asked()

    async def finish(self) -> None:
        """Wait until all that was asked is written, or has failed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _batch(self) -> _Batch:
        # Of many boundaries at once only those are written that the history would keep.
        return _Batch(deque(maxlen=self._keep))

    def _asked(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._next.waiting.append(done)
        if self._task is None:
            # A task of its own: who asked may be cancelled, and the others wait for the same batch.
            self._task = spawn(self._write_all(), name="run-store")
        return done

    async def _write_all(self) -> None:
        while self._next.waiting:
            batch, self._next = self._next, self._batch()
            error: Exception | None = None
            try:
                await self._write(batch)
            except Exception as failed:
                error = failed
            for one in batch.waiting:
                if one.done():  # who asked was cancelled
                    continue
                if error is None:
                    one.set_result(None)
                else:
                    one.set_exception(error)
        self._task = None

    async def _write(self, batch: _Batch) -> None:
        if batch.records:
            await self.patience(partial(self.store.record, self.writer, batch.records))
        if batch.entries:
            await self.patience(
                partial(
                    self.store.commit, self.writer, tuple(batch.entries), keep=self._keep, drop=batch.drop
                )
            )
