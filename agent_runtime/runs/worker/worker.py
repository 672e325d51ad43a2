"""A warm worker: takes runs from a queue, several at once, and reports how they fare."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from agent_runtime.core.background import describe, report, spawn
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import LeaseLost, StoreError, Unavailable
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.outcome import Outcome, RunError
from agent_runtime.runs.queue.port import RunQueue, TaskLease
from agent_runtime.runs.termination import encode, progress
from agent_runtime.runs.worker.task import InvalidRun, QueuedRun
from agent_runtime.runs.worker.updates import NodeStates
from agent_runtime.telemetry import logs
from agent_runtime.telemetry.events import Observer

T = TypeVar("T")

Execute = Callable[[QueuedRun, str, Observer], Awaitable[Outcome]]
"""(run, name of the leg, who is told) -> what came of it. Raises Interrupted."""

TTL = 30.0
"""Seconds after which a run is handed to another worker when this one is silent."""
BEAT = 5.0
"""Seconds between two reports; a suspension or cancellation is heard with the next one."""
_LONG_POLL = 20.0
_PAUSE = 1.0

_log = logs.logger("worker")


class Worker:
    """Works until `stop`; then it abandons what is under way, and hands it back at once."""

    def __init__(
        self,
        queue: RunQueue,
        name: str,
        execute: Execute,
        *,
        holder: str,
        concurrency: int = 1,
        ttl: float = TTL,
        beat: float = BEAT,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`name` is the queue's; `holder` this worker's own."""
        self._queue = queue
        self._name = name
        self._execute = execute
        self._holder = holder
        self._free = asyncio.Semaphore(concurrency)
        self._ttl = ttl
        self._beat = beat
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()
        self.trouble = ""
        """Why the queue cannot be reached; empty when it can."""

    async def work(self, stop: asyncio.Event) -> None:
        """Take runs and work on them until `stop` is set."""
        stopping = spawn(stop.wait(), name="waits for the stop")
        try:
            while not stop.is_set():
                await self._first(stopping, self._free.acquire())
                if stop.is_set():
                    break
                lease = await self._take(stopping)
                if lease is None:
                    self._free.release()
                    continue
                task = spawn(self._serve(lease), name=f"run {lease.run}")
                self._under_way.add(task)
                task.add_done_callback(self._ended)
        finally:
            stopping.cancel()
            tasks = list(self._under_way)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, stopping: "asyncio.Task[bool]") -> TaskLease | None:
        """The next ticket; None when there is none, or the worker is to stop."""
        claim = secrets.token_hex(16)
        take = self._queue.take(self._name, self._holder, self._ttl, wait=_LONG_POLL, claim=claim)
        try:
            lease = await self._first(stopping, take)
            self.trouble = ""
        except StoreError as error:
            self.trouble = str(error)
            await self._first(stopping, self._clock.sleep(_PAUSE))
            return None
        except Exception as error:  # whatever it is, the worker must not stop
            report(f"queue {self._name}", error)
            self.trouble = describe(error)
            await self._first(stopping, self._clock.sleep(_PAUSE))
            return None
        if lease is None and stopping.done():
            # The call was cut off; its answer may have been a ticket, which the same claim brings again.
            with suppress(StoreError):
                late = await self._queue.take(self._name, self._holder, self._ttl, claim=claim)
                if late is not None:
                    await self._give_back(late, None)
        return lease

    async def _serve(self, lease: TaskLease) -> None:
        """Work on one run."""
        try:
            queued = QueuedRun.read(lease.body)
        except InvalidRun as error:
            await self._finish(lease, Outcome(error=RunError("", str(error))), lease.run)
            return
        states = NodeStates(queued.config.name)
        # Of one leg all tickets: the generation grows with each, the attempt within a leg.
        leg = f"{lease.run}@{lease.generation - lease.attempt}"
        run = asyncio.ensure_future(self._execute(queued, leg, states))
        try:
            if not await self._accompany(lease, run, states):
                await self._stop(run)
                await self._give_back(lease, states)
                return
            await self._finish(lease, run.result(), queued.config.name)
        except LeaseLost as error:
            await self._stop(run)
            _log.warning("the run was handed to another worker", run=lease.run, error=str(error))
        except (Interrupted, StoreError) as error:
            # The ticket runs out, which is the pause before the next try.
            await self._stop(run)
            _log.warning("the run stops, and can be resumed", run=lease.run, error=str(error))
        except asyncio.CancelledError:
            await self._stop(run)
            await self._give_back(lease, states)
            raise
        except Exception as error:  # whatever it is, it would be so again
            report(f"run {lease.run}", error)
            outcome = Outcome(error=RunError("", f"an unforeseen error ended the run: {describe(error)}"))
            await self._finish(lease, outcome, queued.config.name)

    async def _accompany(self, lease: TaskLease, run: "asyncio.Future[Outcome]", states: NodeStates) -> bool:
        """Report until the run has ended; False when it shall stop before. Raises LeaseLost."""
        told: bytes | None = None
        while True:
            pause = asyncio.ensure_future(self._clock.sleep(self._beat))
            either: set[asyncio.Future[Any]] = {run, pause}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if run.done():
                return True
            now = progress(states.nodes)
            try:
                wanted = await self._queue.heartbeat(lease, self._ttl, None if now == told else now)
            except Unavailable:
                continue  # nobody else can take the run either; its own writes have their patience
            told = now
            if wanted != "Run":
                return False

    async def _finish(self, lease: TaskLease, outcome: Outcome, name: str) -> None:
        try:
            await self._queue.finish(lease, encode(outcome, name))
        except StoreError as error:
            # The next who takes it finds its end in the store.
            _log.warning("the end of the run could not be told", run=lease.run, error=str(error))

    async def _give_back(self, lease: TaskLease, states: NodeStates | None) -> None:
        with suppress(StoreError):
            await self._queue.heartbeat(lease, 0.0, None if states is None else progress(states.nodes))

    async def _stop(self, run: "asyncio.Future[Outcome]") -> None:
        run.cancel()
        await asyncio.wait({run})

    async def _first(self, stopping: "asyncio.Task[bool]", step: Awaitable[T]) -> T | None:
        """The step's result; None when the worker is to stop before."""
        task = asyncio.ensure_future(step)
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._free.release()
