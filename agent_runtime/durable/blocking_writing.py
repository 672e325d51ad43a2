"""Writing without an event loop: each boundary is committed where it stands."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from agent_runtime.core.clock import Clock
from agent_runtime.durable.port import BlockingRunStore, Entry, Record, Writer
from agent_runtime.durable.retry import RetryPolicy

T = TypeVar("T")


class BlockingWriting:
    """All writes of one run. They keep its lease as well, since nothing runs beside a sync flow."""

    awaits = False

    def __init__(
        self,
        store: BlockingRunStore,
        writer: Writer,
        *,
        keep: int,
        ttl: float,
        patience: RetryPolicy,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self.store = store
        self.writer = writer
        self._keep = keep
        self._ttl = ttl
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._renewed = clock.monotonic()

    def commit(self, entry: Entry, drop: Sequence[tuple[str, int]] = ()) -> None:
        """It is written when this returns."""
        self.persist(partial(self.store.commit, self.writer, (entry,), keep=self._keep, drop=drop))
        self._renew()

    def record(self, record: Record) -> None:
        """The same for a record."""
        self.persist(partial(self.store.record, self.writer, (record,)))
        self._renew()

    def persist(self, step: Callable[[], T]) -> T:
        """Repeat the step while the store is away."""
        return self._patience.blocking(step, self._sleep)

    def _renew(self) -> None:
        now = self._clock.monotonic()
        if now - self._renewed > self._ttl / 3:
            self.persist(partial(self.store.renew, self.writer, self._ttl))
            self._renewed = now
