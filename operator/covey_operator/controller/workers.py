"""Drives the work queue in time: several keys at once, never one key twice, asleep when nothing is due."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

from agent_runtime.core.background import spawn
from covey_operator.controller.work_queue import WorkQueue
from covey_operator.kube.keys import Key
from covey_operator.telemetry.logs import about
from covey_operator.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

RESYNC = 600.0
"""Seconds, give or take a half, after which a key comes up again without a reason."""


class Workers:
    """`reconcile(key)` returns after how many seconds it wants to be called again; None: on the next event.

    An exception from it brings the key back after a growing delay.
    """

    def __init__(
        self,
        queue: WorkQueue[Key],
        reconcile: Callable[[Key], Awaitable[float | None]],
        *,
        allowed: asyncio.Event,
        metrics: Metrics,
        random: Callable[[], float],
        limit: int = 16,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Nothing is started while `allowed` is not set, as when the lease is in doubt."""
        self._queue = queue
        self._reconcile = reconcile
        self._allowed = allowed
        self._metrics = metrics
        self._random = random
        self._limit = limit
        self._clock = clock
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def add(self, key: Key) -> None:
        """Reconcile it soon."""
        self._queue.add(key, self._clock())
        self._wake.set()

    def forget(self, key: Key) -> None:
        """It is gone: do not bring it back."""
        self._queue.forget(key)

    def oldest(self) -> float:
        """Seconds that the key at the head of the queue has been waiting."""
        return self._queue.oldest(self._clock())

    async def run(self) -> None:
        """Works until it is cancelled; what is under way is cancelled with it."""
        try:
            while True:
                await self._allowed.wait()
                self._wake.clear()
                self._start_what_is_due()
                self._metrics.depth.set(self._queue.depth())
                await self._sleep()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def _start_what_is_due(self) -> None:
        while len(self._running) < self._limit and (key := self._queue.take(self._clock())) is not None:
            task = spawn(self._work(key), name=f"reconcile {key}")
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _sleep(self) -> None:
        due = self._queue.next_due() if len(self._running) < self._limit else None
        timeout = None if due is None else max(0.0, due - self._clock())
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _work(self, key: Key) -> None:
        with about(key):
            await self._pass(key)

    async def _pass(self, key: Key) -> None:
        start = self._clock()
        try:
            again = await self._reconcile(key)
        except Exception as error:  # whatever it is, the other resources go on
            delay = self._queue.failed(key, self._clock())
            self._metrics.reconciled(key.kind, "error", self._clock() - start)
            log.warning("reconcile failed", key=str(key), error=describe(error), retry_in=round(delay, 1))
            if not isinstance(error, (OSError, TimeoutError)):
                log.debug("reconcile failed", key=str(key), exc_info=error)
        else:
            self._queue.done(key)
            resync = self._resync()
            self._queue.add_after(key, resync if again is None else min(again, resync), self._clock())
            self._metrics.reconciled(key.kind, "ok", self._clock() - start)

    def _resync(self) -> float:
        return RESYNC * (0.5 + self._random())


def describe(error: BaseException) -> str:
    """An exception in one line, with its type where its text alone says nothing."""
    text = str(error)
    return text if text and len(text) > 20 else f"{type(error).__name__}: {text}".rstrip(": ")
