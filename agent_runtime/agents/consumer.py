"""Takes deliveries from a blackboard and has them worked on, as many at once as the agent may.

Nothing is lost when this process dies at any point: a delivery that is neither acknowledged nor failed goes
to somebody else when its lease ends.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, TypeVar

from agent_runtime.agents.backoff import delay
from agent_runtime.agents.errors import is_transient
from agent_runtime.agents.worker import AgentWorker
from agent_runtime.api.common import Retry
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError, Delivery
from agent_runtime.clock import SYSTEM_CLOCK, Clock
from agent_runtime.telemetry import logs

T = TypeVar("T")

LEASE_WAIT = 20.0
"""Seconds that one request for deliveries waits for the first."""
GRACE = 25.0
"""Seconds that work under way gets to finish after `stop`; Kubernetes gives 30 by default."""
_BEATS = 3
"""Heartbeats for each span of a lease."""
_PAUSE = 0.5
"""Seconds between two requests for deliveries that come back empty at once."""
_RECONNECT = Retry(max_attempts=100, initial_delay="500ms", max_delay="15s")
_PUBLISH_ATTEMPTS = 5

_log = logs.logger("consumer")


async def consume(
    worker: AgentWorker,
    board: Board,
    stop: asyncio.Event,
    *,
    on_ready: Callable[[bool], None] = lambda ready: None,
    clock: Clock = SYSTEM_CLOCK,
    random: Random | None = None,
    grace: float = GRACE,
) -> None:
    """Work on deliveries until `stop` is set, then finish what is under way within `grace` seconds.

    `on_ready` is told when the subscription holds and when it no longer may. A board that is down is waited
    for. What is not finished in time goes back to the board at once.
    """
    await _Consumer(worker, board, stop, on_ready, clock, random or Random(), grace).run()


class _Consumer:
    def __init__(
        self,
        worker: AgentWorker,
        board: Board,
        stop: asyncio.Event,
        on_ready: Callable[[bool], None],
        clock: Clock,
        random: Random,
        grace: float,
    ) -> None:
        access = worker.config.blackboard
        if access is None:
            raise ValueError(f'agent "{worker.config.name}" has no blackboard to consume from')
        self._access = access
        self._worker = worker
        self._board = board
        self._stop = stop
        self._on_ready = on_ready
        self._clock = clock
        self._random = random
        self._grace = grace
        self._limit = worker.config.limits.max_concurrency
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        failures = 0
        try:
            while not self._stop.is_set():
                try:
                    await self._board.subscribe(self._access.consumes)
                    self._on_ready(True)
                    failures = 0
                    await self._take()
                except Exception as error:  # whatever it is, the agent must not go deaf
                    self._on_ready(False)
                    failures += 1
                    wait = delay(_RECONNECT, failures, self._random)
                    expected = isinstance(error, BoardError)
                    _log.warning(
                        "blackboard does not answer",
                        blackboard=self._access.name,
                        url=self._access.url,
                        error=str(error),
                        wait=round(wait, 3),
                        exc_info=not expected,
                    )
                    await self._unless_stopped(self._clock.sleep(wait))
        finally:
            self._on_ready(False)
            await self._drain()

    async def _take(self) -> None:
        """Lease and start work, until stopped."""
        while not self._stop.is_set():
            free = self._limit - len(self._under_way)
            if not free:
                await self._unless_stopped(asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED))
                continue
            asked = self._clock.monotonic()
            deliveries = await self._unless_stopped(self._board.lease(free, LEASE_WAIT))
            if not deliveries and self._clock.monotonic() - asked < _PAUSE:
                # A board that is about to stop does not wait: it must not be asked in a tight loop.
                await self._unless_stopped(self._clock.sleep(_PAUSE))
            for delivery in deliveries or ():
                if self._stop.is_set():
                    await self._give_back(delivery, "the agent was stopped before it had begun", 0.0)
                    continue
                task = asyncio.create_task(self._handle(delivery), name=f"delivery {delivery.id}")
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def _unless_stopped(self, awaitable: Coroutine[Any, Any, T]) -> T | None:
        """What it yields, or None when `stop` comes first."""
        task = asyncio.create_task(awaitable)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return await task if task.done() else None
        finally:
            for each in (task, stopped):
                if each.cancel():
                    with suppress(asyncio.CancelledError):
                        await each

    async def _drain(self) -> None:
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=self._grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _handle(self, delivery: Delivery) -> None:
        """Work on one delivery while its lease is kept alive."""
        work = asyncio.create_task(self._worker.work(delivery, partial(self._publish, delivery)))
        beat = asyncio.create_task(self._keep(delivery))
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
            else:
                _log.warning("lost the lease", delivery=delivery.id, attempt=delivery.attempt)
        except asyncio.CancelledError:
            await _settled(work)
            await self._give_back(delivery, "the agent was stopped before it had finished", 0.0)
            raise
        except Exception as error:
            await self._fail(delivery, error)
        finally:
            await _settled(work)
            await _settled(beat)

    async def _keep(self, delivery: Delivery) -> None:
        """Extend the lease again and again; ends when it is lost."""
        while True:
            await self._clock.sleep(self._access.lease_seconds / _BEATS)
            try:
                await self._board.extend(delivery.id)
            except BoardError as error:
                if _is_lost(error):
                    return
                _log.warning("heartbeat failed", delivery=delivery.id, error=str(error))

    async def _publish(self, delivery: Delivery, results: Sequence[Draft]) -> list[Artifact]:
        """Acknowledge with the results; a board that does not answer is asked again while the lease lives."""
        attempt = 1
        while True:
            try:
                return await self._board.acknowledge(delivery.id, results)
            except BoardError as error:
                if not _may_pass(error) or attempt == _PUBLISH_ATTEMPTS:
                    raise
            await self._clock.sleep(delay(_RECONNECT, attempt, self._random))
            attempt += 1

    async def _fail(self, delivery: Delivery, error: Exception) -> None:
        """Again later when the error may pass, which the board bounds; else to the dead letters."""
        if isinstance(error, BoardError) and _is_lost(error):
            _log.warning("lost the lease", delivery=delivery.id, attempt=delivery.attempt)
            return
        again = is_transient(error) or (isinstance(error, BoardError) and _may_pass(error))
        retry = self._worker.config.retry
        known = again or hasattr(error, "code")
        _log.warning(
            "work failed",
            delivery=delivery.id,
            attempt=delivery.attempt,
            again=again,
            error=str(error),
            exc_info=None if known else error,
        )
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        wait = delay(retry, delivery.attempt, self._random) if again else None
        await self._give_back(delivery, reason, wait)

    async def _give_back(self, delivery: Delivery, reason: str, retry_in: float | None) -> None:
        try:
            await self._board.fail(delivery.id, reason, retry_in=retry_in)
        except BoardError as error:
            # It comes back by itself when the lease ends.
            _log.warning("could not give a delivery back", delivery=delivery.id, error=str(error))


async def _settled(task: asyncio.Task[Any]) -> None:
    """Cancel what still runs and wait for its end, whatever that is."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _is_lost(error: BoardError) -> bool:
    return error.code in ("lease_lost", "not_found")


def _may_pass(error: BoardError) -> bool:
    return error.status >= 500 or error.status == 429
