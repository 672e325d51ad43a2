"""Takes deliveries from a blackboard and has them worked on, as many at once as the agent may.

Nothing is lost when this process dies at any point: a delivery that is neither acknowledged nor failed goes
to somebody else when its lease ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from random import Random
from typing import Any

from agent_runtime.agents.errors import is_transient
from agent_runtime.agents.heartbeat import Heartbeat, is_lost
from agent_runtime.agents.subscription import Worker
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError, Delivery
from agent_runtime.core.background import spawn
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.retry import Backoff
from agent_runtime.telemetry import logs

LEASE_WAIT = 50.0
"""Seconds that one request for deliveries waits for the first."""
GRACE = 25.0
"""Seconds that work under way gets to finish after `stop`; Kubernetes gives 30 by default."""
_PAUSE = 0.5
"""Seconds between two requests for deliveries that come back empty at once."""
RENEWED_AFTER = 300.0
"""Seconds after which an agent that has nothing to do says again what it consumes."""
_RECONNECT = Backoff(0.5, 15.0)
_PUBLISH_ATTEMPTS = 5

_log = logs.logger("consumer")


async def consume(
    worker: Worker,
    board: Board,
    stop: asyncio.Event,
    *,
    on_ready: Callable[[bool], None] = lambda ready: None,
    on_load: Callable[[int], None] = lambda load: None,
    clock: Clock = SYSTEM_CLOCK,
    random: Random | None = None,
    grace: float = GRACE,
    last_answer: float = 0.0,
) -> None:
    """Work on deliveries until `stop` is set, then finish what is under way within `grace` seconds.

    `on_ready` is told when the subscription holds and when it no longer may, `on_load` how many deliveries
    are under way whenever that changes. A board that is down is waited for. What is not finished in time goes
    back to the board at once, and that does not count as an attempt.

    `last_answer` is how many seconds a request for deliveries has to come back after `stop`, for a board that
    ends it then: what it brings is worked on. A request that does not come back is cancelled; what the board
    has handed out by it goes back.
    """
    dice = random or Random()
    await _Consumer(worker, board, stop, on_ready, on_load, clock, dice, grace, last_answer).run()


class _Consumer:
    def __init__(
        self,
        worker: Worker,
        board: Board,
        stop: asyncio.Event,
        on_ready: Callable[[bool], None],
        on_load: Callable[[int], None],
        clock: Clock,
        random: Random,
        grace: float,
        last_answer: float,
    ) -> None:
        self._subscription = worker.subscription
        self._worker = worker
        self._board = board
        self._stop = stop
        self._on_ready = on_ready
        self._on_load = on_load
        self._clock = clock
        self._random = random
        self._grace = grace
        self._last_answer = last_answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._heart = Heartbeat(board, self._subscription.lease_seconds, clock)
        self._works_itself = False
        self._subscribed_at = 0.0

    async def run(self) -> None:
        taking = spawn(self._take_always(), name="takes deliveries")
        stopped = spawn(self._stop.wait(), name="waits for the stop")
        try:
            await asyncio.wait({taking, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._on_ready(False)
            await _settled(stopped)
            if not self._works_itself:
                if self._last_answer:
                    await asyncio.wait({taking}, timeout=self._last_answer)
                if not self._works_itself:
                    await _settled(taking)
            if self._works_itself:
                self._tasks.add(taking)
            await self._drain()

    async def _take_always(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                await self._subscribe()
                self._on_ready(True)
                failures = 0
                await self._take()
            except Exception as error:  # whatever it is, the agent must not go deaf
                self._on_ready(False)
                failures += 1
                wait = _RECONNECT.delay(failures, self._random.uniform)
                _log.warning(
                    "blackboard does not answer",
                    blackboard=self._subscription.board,
                    url=self._subscription.url,
                    error=str(error),
                    wait=round(wait, 3),
                    exc_info=not isinstance(error, BoardError),
                )
                await self._clock.sleep(wait)

    async def _take(self) -> None:
        """Lease and start work, until stopped."""
        while not self._stop.is_set():
            free = self._subscription.at_once - len(self._tasks)
            if not free:
                self._freed.clear()
                await self._freed.wait()
                continue
            asked = self._clock.monotonic()
            deliveries = await self._board.lease(free, LEASE_WAIT)
            if not deliveries and not self._stop.is_set():
                await self._ask_again(self._clock.monotonic() - asked)
            for delivery in deliveries:
                if self._stop.is_set() and not self._last_answer:
                    self._in_a_task(self._release(delivery), delivery)
                else:
                    await self._begin(delivery)

    async def _ask_again(self, waited: float) -> None:
        """Nothing came. Say once more what it consumes, now and then and after a wait that was cut short.

        A board whose store was emptied, or put back to yesterday, knows nothing of it any more.
        """
        if waited < _PAUSE:
            # A board that is about to stop does not wait: it must not be asked in a tight loop.
            await self._clock.sleep(_PAUSE)
        if waited < LEASE_WAIT - _PAUSE or self._clock.monotonic() - self._subscribed_at >= RENEWED_AFTER:
            await self._subscribe()

    async def _subscribe(self) -> None:
        await self._board.subscribe(self._subscription.consumes)
        self._subscribed_at = self._clock.monotonic()

    async def _begin(self, delivery: Delivery) -> None:
        """Work on it in a task, or, when there can be only one, right here: a task would cost more time."""
        if self._subscription.at_once == 1:
            self._works_itself = True
            self._on_load(1)
            try:
                await self._handle(delivery)
            finally:
                self._works_itself = False
                self._on_load(0)
            return
        self._in_a_task(self._handle(delivery), delivery)
        self._on_load(len(self._tasks))

    def _in_a_task(self, work: Coroutine[Any, Any, None], delivery: Delivery) -> None:
        task = spawn(work, name=f"delivery {delivery.id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._freed.set()
        self._on_load(len(self._tasks))

    async def _drain(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._heart.end()

    async def _handle(self, delivery: Delivery) -> None:
        """Work on one delivery while its lease is kept alive."""
        self._heart.hold(delivery.id)
        lost = False
        try:
            try:
                await self._worker.work(
                    delivery, partial(self._publish, delivery), partial(self._heart.note, delivery.id)
                )
            finally:
                lost = self._heart.let_go(delivery.id)
        except asyncio.CancelledError:
            if not lost:
                await self._release(delivery)
                raise
            _log.warning("lost the lease", delivery=delivery.id, attempt=delivery.attempt)
        except Exception as error:
            await self._fail(delivery, error)

    async def _publish(self, delivery: Delivery, results: Sequence[Draft]) -> list[Artifact]:
        """Acknowledge with the results; a board that does not answer is asked again while the lease lives."""
        attempt = 1
        while True:
            try:
                return await self._board.acknowledge(delivery.id, results)
            except BoardError as error:
                if not _may_pass(error) or attempt == _PUBLISH_ATTEMPTS:
                    raise
            await self._clock.sleep(_RECONNECT.delay(attempt, self._random.uniform))
            attempt += 1

    async def _fail(self, delivery: Delivery, error: Exception) -> None:
        """Again later when the error may pass, which the board bounds; else to the dead letters."""
        if isinstance(error, BoardError) and is_lost(error):
            _log.warning("lost the lease", delivery=delivery.id, attempt=delivery.attempt)
            return
        again = is_transient(error) or (isinstance(error, BoardError) and _may_pass(error))
        retry = self._subscription.retry
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
        wait = retry.waits().delay(delivery.attempt, self._random.uniform) if again else None
        await self._give_back(delivery, self._board.fail(delivery.id, reason, retry_in=wait))

    async def _release(self, delivery: Delivery) -> None:
        """Not the work has come to its end, but the agent: no attempt of the work's is lost by that."""
        await self._give_back(delivery, self._board.release(delivery.id))

    async def _give_back(self, delivery: Delivery, giving_back: Awaitable[None]) -> None:
        try:
            await giving_back
        except BoardError as error:
            # It comes back by itself when the lease ends.
            _log.warning("could not give a delivery back", delivery=delivery.id, error=str(error))


async def _settled(task: asyncio.Task[Any]) -> None:
    """Cancel what still runs and wait for its end, whatever that is."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _may_pass(error: BoardError) -> bool:
    return error.status >= 500 or error.status == 429
