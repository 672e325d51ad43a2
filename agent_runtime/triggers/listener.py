"""One flow on one blackboard: leases the artifacts that its triggers wait for and has their runs made.

An artifact is acknowledged only when its runs are there, and their names follow from it. So whoever dies at
whatever point, the artifact comes again, and meets the runs that were made: each is made exactly once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from random import Random
from typing import Any

import structlog

from agent_runtime.api.flow import FlowResource
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Board, BoardError, Delivery
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.retry import Backoff
from agent_runtime.triggers.runs import TriggerError, artifact_run
from agent_runtime.triggers.subscription import consumes_of, matching

Connect = Callable[[], AbstractAsyncContextManager[Board]]
"""Makes the board as the flow sees it (`subscription.identity`). May raise: it is asked again later."""
Create = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Creates a FlowRun from its manifest; one that is there already is success.

Raises ApiUnavailable when nobody answers in good time. Any other error is a refusal, and counts against the
artifact.
"""
Tell = Callable[[str], None]
"""Told why the listener does not hear, and "" when it does."""

LEASE_WAIT = 50.0
"""Seconds that one request for artifacts waits for the first."""
AT_ONCE = 16
"""Artifacts that are worked on at once."""
_PAUSE = 0.5
"""Seconds between two requests that come back empty at once."""
_REMEMBERED = 1000
"""Runs that are known without asking, the newest."""
_GIVE_BACK_WITHIN = 2.0
"""Seconds that giving back an artifact may take when the listener is stopped."""
_RECONNECT = Backoff(0.5, 15.0)
_AGAIN = Backoff(2.0, 60.0)
_ASK_AGAIN = Backoff(0.2, 5.0)
_BEATS = 3
"""Attempts for each span of a lease at least; each renews it."""

_log = structlog.get_logger(part="triggers")


class ApiUnavailable(Exception):
    """Who makes the runs does not answer. The artifact is held until it does."""


class Listener:
    """Hears until `run` is cancelled; then what is under way is given back for the next to take."""

    def __init__(
        self,
        flow: FlowResource,
        blackboard: str,
        connect: Connect,
        create: Create,
        tell: Tell,
        *,
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
    ) -> None:
        self._flow = flow
        self._blackboard = blackboard
        self._connect = connect
        self._create = create
        self._tell = tell
        self._clock = clock
        self._random = random or Random()
        self._consumes = consumes_of(flow.spec.triggers, blackboard)
        self._made: dict[str, None] = {}
        """Runs whose artifact could not be acknowledged yet; they may be finished and gone by then."""

    async def run(self) -> None:
        """Listen; a board that is away or refuses is asked again and again."""
        failures = 0
        while True:
            try:
                async with self._connect() as board:
                    while True:
                        # Each time anew: a board that keeps nothing forgets it when it restarts.
                        await board.subscribe(self._consumes)
                        self._tell("")
                        await self._take(board)
                        failures = 0
            except Exception as error:  # whatever it is, the flow must not go deaf
                failures += 1
                wait = _RECONNECT.delay(failures, self._random.uniform)
                self._tell(f'Blackboard "{self._blackboard}": {error}')
                _log.warning(
                    "cannot listen",
                    flow=self._flow.name,
                    blackboard=self._blackboard,
                    error=str(error),
                    wait=round(wait, 3),
                    exc_info=None if isinstance(error, BoardError) else error,
                )
                await self._clock.sleep(wait)

    async def _take(self, board: Board) -> None:
        """Work on artifacts as long as there are any."""
        asked = self._clock.monotonic()
        while deliveries := await board.lease(AT_ONCE, LEASE_WAIT):
            async with asyncio.TaskGroup() as group:
                for delivery in deliveries:
                    group.create_task(self._handle(board, delivery), name=f"artifact {delivery.id}")
            asked = self._clock.monotonic()
        if self._clock.monotonic() - asked < _PAUSE:  # a board that is about to stop does not wait
            await self._clock.sleep(_PAUSE)

    async def _handle(self, board: Board, delivery: Delivery) -> None:
        """See to the runs, then acknowledge; whatever goes wrong with the board, the artifact comes again."""
        try:
            refused: list[Exception] = []
            names: list[str] = []
            for artifact in delivery.artifacts:
                await self._make(board, delivery, artifact, names, refused)
            if refused:
                await self._fail(board, delivery, refused)
            else:
                await board.acknowledge(delivery.id, [])
                for name in names:
                    self._made.pop(name, None)
        except BoardError as error:
            self._report("an artifact comes again", delivery, error)
        except asyncio.CancelledError:
            with suppress(BoardError, TimeoutError):
                async with asyncio.timeout(_GIVE_BACK_WITHIN):
                    await board.release(delivery.id)
            raise

    async def _make(
        self,
        board: Board,
        delivery: Delivery,
        artifact: Artifact,
        names: list[str],
        refused: list[Exception],
    ) -> None:
        """The run of each trigger that the artifact sets off; one that is refused does not stop the others.

        None, when the triggers were changed since the artifact came: what counts is what they say now.
        """
        triggers = self._flow.spec.triggers
        for index in matching(self._flow.name, triggers, self._blackboard, artifact):
            try:
                manifest = artifact_run(self._flow, index, artifact)
                name = manifest["metadata"]["name"]
                if name not in self._made:
                    await self._create_when_possible(board, delivery, manifest)
                    self._remember(name)
                names.append(name)
            except BoardError:
                raise
            except Exception as error:  # the API's refusals have many classes
                refused.append(error)

    def _remember(self, name: str) -> None:
        self._made[name] = None
        if len(self._made) > _REMEMBERED:
            del self._made[next(iter(self._made))]

    async def _create_when_possible(
        self, board: Board, delivery: Delivery, manifest: Mapping[str, Any]
    ) -> None:
        """Create it; while nobody answers, hold the artifact."""
        span = (delivery.until - self._clock.now()).total_seconds()
        longest = max(span / _BEATS, _ASK_AGAIN.first)
        attempt = 1
        while True:
            try:
                await self._create(manifest)
            except ApiUnavailable as error:
                self._report("cannot make a run now", delivery, error)
            else:
                return
            await self._clock.sleep(min(_ASK_AGAIN.delay(attempt, self._random.uniform), longest))
            await board.extend(delivery.id)
            attempt += 1

    async def _fail(self, board: Board, delivery: Delivery, refused: list[Exception]) -> None:
        """Again later, which the board bounds; to the dead letters at once when it can never be."""
        for error in refused:
            self._report("no run for an artifact", delivery, error)
        hopeless = all(isinstance(error, TriggerError) for error in refused)
        wait = None if hopeless else _AGAIN.delay(delivery.attempt, self._random.uniform)
        reason = "; ".join(str(error) or type(error).__name__ for error in refused)
        await board.fail(delivery.id, reason, retry_in=wait)

    def _report(self, event: str, delivery: Delivery, error: Exception) -> None:
        _log.warning(
            event,
            flow=self._flow.name,
            blackboard=self._blackboard,
            delivery=delivery.id,
            attempt=delivery.attempt,
            error=str(error),
        )
