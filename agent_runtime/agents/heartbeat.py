"""Keeps the leases of what an agent works on alive, says how far it is, and ends work whose lease is lost."""

import asyncio
from typing import Any

from agent_runtime.blackboard.board import Board, BoardError
from agent_runtime.blackboard.wire.progress_notes import line_of
from agent_runtime.core.background import report, spawn
from agent_runtime.core.clock import Clock
from agent_runtime.telemetry import logs

_BEATS = 3
"""Heartbeats for each span of a lease."""

_NOTE_PAUSE = 1.0
"""Seconds between two notes of a delivery at least; of those that come faster the newest is sent."""

_log = logs.logger("consumer")


class Heartbeat:
    """One for all deliveries of an agent: a task for each would cost more than much of the work does."""

    def __init__(self, board: Board, lease_seconds: float, clock: Clock) -> None:
        self._board = board
        self._pause = lease_seconds / _BEATS
        self._clock = clock
        self._held: dict[str, asyncio.Task[Any]] = {}
        self._lost: set[str] = set()
        self._notes: dict[str, str] = {}
        """What is not told yet, by delivery."""
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._beating: asyncio.Task[None] | None = None

    def hold(self, delivery: str) -> None:
        """The current task works on the delivery. It is cancelled when somebody else has got it."""
        task = asyncio.current_task()
        assert task is not None
        self._held[delivery] = task
        if self._beating is None or self._beating.done():
            self._beating = spawn(self._beat(), name="heartbeat")

    def let_go(self, delivery: str) -> bool:
        """The work has ended; returns whether that was because somebody else has the delivery."""
        task = self._held.pop(delivery)
        self._notes.pop(delivery, None)
        if delivery not in self._lost:
            return False
        self._lost.discard(delivery)
        task.uncancel()
        return True

    def note(self, delivery: str, text: str) -> None:
        """Say how far a delivery is that is held: at once, or with the next beat if that fails."""
        if delivery in self._held:
            self._notes[delivery] = line_of(text)
            if delivery not in self._telling:
                self._telling[delivery] = spawn(self._tell(delivery), name="progress")

    async def end(self) -> None:
        """Beat no more."""
        tasks = [*self._telling.values(), *([] if self._beating is None else [self._beating])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, delivery: str) -> None:
        """The newest note, and after a pause the newest of those that came meanwhile."""
        try:
            while note := self._notes.pop(delivery, ""):
                try:
                    await self._board.extend(delivery, note)
                except BoardError:
                    # Lost or not, the beats find out: here the work may just have been acknowledged.
                    if delivery in self._held:
                        self._notes.setdefault(delivery, note)
                    return
                await self._clock.sleep(_NOTE_PAUSE)
        finally:
            del self._telling[delivery]

    async def _beat(self) -> None:
        """Ends when a beat finds nothing to do: an agent without work costs nothing."""
        while True:
            await self._clock.sleep(self._pause)
            if not self._held:
                return
            await asyncio.gather(*[self._extend(delivery) for delivery in self._held])

    async def _extend(self, delivery: str) -> None:
        try:
            await self._board.extend(delivery, self._notes.pop(delivery, ""))
        except BoardError as error:
            if not is_lost(error):
                _log.warning("heartbeat failed", delivery=delivery, error=str(error))
            elif (task := self._held.get(delivery)) is not None and delivery not in self._lost:
                self._lost.add(delivery)
                task.cancel()
        except Exception as error:  # whatever it is, the other leases are extended
            report("heartbeat", error, delivery=delivery)


def is_lost(error: BoardError) -> bool:
    """Whether it says that the lease is not held any more."""
    return error.code in ("lease_lost", "not_found")
