"""Keeps the leases of what an agent works on alive, and ends work whose lease is lost."""

import asyncio
from typing import Any

from agent_runtime.blackboard.board import Board, BoardError
from agent_runtime.clock import Clock
from agent_runtime.telemetry import logs

_BEATS = 3
"""Heartbeats for each span of a lease."""

_log = logs.logger("consumer")


class Heartbeat:
    """One for all deliveries of an agent: a task for each would cost more than much of the work does."""

    def __init__(self, board: Board, lease_seconds: float, clock: Clock) -> None:
        self._board = board
        self._pause = lease_seconds / _BEATS
        self._clock = clock
        self._held: dict[str, asyncio.Task[Any]] = {}
        self._lost: set[str] = set()
        self._beating: asyncio.Task[None] | None = None

    def hold(self, delivery: str) -> None:
        """The current task works on the delivery. It is cancelled when somebody else has got it."""
        task = asyncio.current_task()
        assert task is not None
        self._held[delivery] = task
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(), name="heartbeat")

    def let_go(self, delivery: str) -> bool:
        """The work has ended; returns whether that was because somebody else has the delivery."""
        task = self._held.pop(delivery)
        if delivery not in self._lost:
            return False
        self._lost.discard(delivery)
        task.uncancel()
        return True

    async def end(self) -> None:
        """Beat no more."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)

    async def _beat(self) -> None:
        """Ends when a beat finds nothing to do: an agent without work costs nothing."""
        while True:
            await self._clock.sleep(self._pause)
            if not self._held:
                return
            await asyncio.gather(*[self._extend(delivery) for delivery in self._held])

    async def _extend(self, delivery: str) -> None:
        try:
            await self._board.extend(delivery)
        except BoardError as error:
            if not is_lost(error):
                _log.warning("heartbeat failed", delivery=delivery, error=str(error))
            elif (task := self._held.get(delivery)) is not None and delivery not in self._lost:
                self._lost.add(delivery)
                task.cancel()


def is_lost(error: BoardError) -> bool:
    """Whether it says that the lease is not held any more."""
    return error.code in ("lease_lost", "not_found")
