"""Follows the runs server: queues by one long poll, progress of Jobs by one look every few seconds.

A server that is away delays the news, and loses none: changes are numbered, and who has missed some asks from
the last number on.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent_runtime.core.background import report
from agent_runtime.durable.port import StoreError
from covey_operator.informers.cache import Cache
from covey_operator.informers.reflector import backoffs
from covey_operator.kube.keys import Key
from covey_operator.run_queue.client import RunsServer
from covey_operator.run_queue.coordinator import PROGRESS_EVERY, RunCoordinator
from covey_operator.runs.jobs import FINAL

log = structlog.get_logger(__name__)

SWEEP_EVERY = 600.0
"""Seconds between two looks for what is left of runs that are gone."""
_IDLE = 1.0
_LONG = 25.0
"""Seconds of one long poll."""
_PAGE = 1000


class Idle(float):
    """Seconds until the next call of what had nothing to ask for: no news of whether the server answers."""


class RunsFollower:
    """Tells of runs for which there is news; deletes what is left of those that nobody has any more."""

    def __init__(
        self,
        runs: RunCoordinator,
        server: RunsServer,
        cache: Cache,
        namespaces: tuple[str, ...],
        tell: Callable[[Key], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`namespaces` are those that are served; none: all. What others have at the server is left alone."""
        self._runs = runs
        self._server = server
        self._cache = cache
        self._namespaces = namespaces
        self._tell = tell
        self._sleep = sleep
        self._seen = 0
        self._numbers: dict[str, int] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for follow in (self.poll, self.look, self.sweep):
                tasks.create_task(self._again_and_again(follow))

    async def _again_and_again(self, follow: Callable[[], Awaitable[float]]) -> None:
        """`follow` returns after how many seconds it wants to be called again."""
        waits, away = backoffs(), False
        while True:
            try:
                wait = await follow()
                if not isinstance(wait, Idle):
                    waits, away = backoffs(), False
            except StoreError as error:
                wait = next(waits)
                if not away:
                    log.warning("the runs server does not answer; will retry", error=str(error))
                away = True
            except Exception as error:  # whatever it is, the other runs are followed
                wait = next(waits)
                if not away:
                    report(f"runs follower: {follow.__name__}", error)
                away = True
            await self._sleep(wait)

    async def poll(self) -> float:
        """Changes in queues, while any run is in one. Raises StoreError."""
        if not self._runs.has_queued():
            return Idle(_IDLE)
        for number, run in await self._server.queue.changes(self._seen, _PAGE, wait=_LONG):
            self._seen = number
            key = _key_of(run)
            if key is not None:
                self._tell(key)
        return 0.0

    async def look(self) -> float:
        """Which Jobs have passed a node, while any is at work. Raises StoreError."""
        at_work = self._runs.in_jobs()
        self._numbers = {run: number for run, number in self._numbers.items() if _key_of(run) in at_work}
        if not at_work:
            return Idle(PROGRESS_EVERY)
        for each in await self._server.store.runs(limit=_PAGE):
            key = _key_of(each.run)
            moved = self._numbers.get(each.run) != each.latest.number
            if key in at_work and moved and "#" not in each.run:
                self._numbers[each.run] = each.latest.number
                self._runs.moved(key)
        return PROGRESS_EVERY

    async def sweep(self) -> float:
        """Forget runs whose FlowRuns are gone, and take ended ones out of their queues. Raises StoreError."""
        last, page = 0, await self._server.queue.changes(0, _PAGE)
        while page:
            for number, run in page:
                last = number
                if self._is_gone(run) or self._has_ended(run):
                    await self._server.queue.remove(run)
            page = await self._server.queue.changes(last, _PAGE)
        self._seen = min(self._seen, last)  # a server whose store was replaced counts from the start
        for each in await self._server.store.runs(limit=_PAGE):
            if self._is_gone(each.run):
                log.info("forgot what was kept of a run", run=each.run)
                await self._server.forget(each.run)
        return SWEEP_EVERY

    def _is_gone(self, run: str) -> bool:
        """Whether it is a FlowRun's that is ours to know, and there is none."""
        key = _key_of(run)
        if key is None or (self._namespaces and key.namespace not in self._namespaces):
            return False
        found = self._cache.resource(key)
        return found is None or found["metadata"]["uid"] != _uid_of(run)

    def _has_ended(self, run: str) -> bool:
        key = _key_of(run)
        found = self._cache.resource(key) if key is not None else None
        return found is not None and (found.get("status") or {}).get("phase") in FINAL


def _key_of(run: str) -> Key | None:
    """Whose run it is; None for ids that are no FlowRun's. Items of a mapped flow are their run's."""
    parts = run.partition("#")[0].split("/")
    return Key("FlowRun", parts[0], parts[1]) if len(parts) == 3 else None


def _uid_of(run: str) -> str:
    return run.partition("#")[0].rpartition("/")[2]
