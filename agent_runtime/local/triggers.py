"""Triggers on the laptop: the clock and the blackboards of this process make runs of flows."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypedDict

from agent_runtime.api.base import seconds
from agent_runtime.api.flow import FlowResource, TriggerStatus
from agent_runtime.api.triggers import CronTrigger
from agent_runtime.blackboard.board import Board
from agent_runtime.clock import Clock
from agent_runtime.compile.result import Manifest
from agent_runtime.local.files import write_private
from agent_runtime.local.host import Host
from agent_runtime.runs.outcome import rfc3339
from agent_runtime.telemetry import logs
from agent_runtime.triggers.cron import Due, due
from agent_runtime.triggers.history import expired
from agent_runtime.triggers.listeners import Listeners, Place
from agent_runtime.triggers.naming import trigger_key
from agent_runtime.triggers.policy import Replace, Skip, decide
from agent_runtime.triggers.runs import TriggerError, scheduled_run
from agent_runtime.triggers.schedule import parse
from agent_runtime.triggers.subscription import identity

_LONGEST_SLEEP = 60.0
"""Seconds after which the clock is read again, whatever happened to it: a laptop sleeps, too."""

_log = logs.logger("triggers")


class MakesRuns(Protocol):
    """FlowRuns, as far as triggers deal with them; see `RunControl`."""

    def all(self) -> list[dict[str, Any]]:
        """Every run with its status."""

    def ensure(self, manifest: Manifest) -> str:
        """Start it unless it was started before."""

    def cancel(self, name: str) -> object:
        """Stop it for good."""

    async def delete(self, name: str) -> None:
        """Forget it."""


class Past(TypedDict):
    """What is kept of a schedule."""

    last: str | None
    missed: int


_NO_PAST: Past = {"last": None, "missed": 0}


class Triggers:
    """Looks at the clock and listens, for the flows that it follows."""

    def __init__(self, file: Path, runs: MakesRuns, host: Host, clock: Clock) -> None:
        """`file` keeps the last times of schedules over restarts."""
        self._file = file
        self._runs = runs
        self._host = host
        self._clock = clock
        self._started = clock.now()
        self._flows: list[tuple[FlowResource, datetime]] = []
        self._past: dict[str, Past] = json.loads(file.read_text()) if file.exists() else {}
        self._next: dict[str, datetime | None] = {}
        self._listeners = Listeners(self._connect, self._create, clock=clock)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def follow(self, flows: Iterable[tuple[FlowResource, datetime]]) -> None:
        """From now on these flows, each with the time since which it is there."""
        self._flows = list(flows)
        await self._listeners.follow(flow for flow, _ in self._flows)
        self._news.set()
        if self._task is None and any(flow.spec.triggers for flow, _ in self._flows):
            self._task = asyncio.create_task(self._watch_the_clock(), name="schedules")

    async def close(self) -> None:
        """Make no more runs."""
        await self._listeners.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def status(self, flow: FlowResource) -> list[dict[str, Any]]:
        """How its triggers by the clock stand, as in a Flow's status."""
        found = []
        for index, key, _ in _schedules(flow):
            past, coming = self._past.get(key, _NO_PAST), self._next.get(key)
            status = TriggerStatus(
                trigger=flow.spec.triggers[index].label,
                last_time=past["last"],
                next_time=rfc3339(coming) if coming is not None else None,
                missed=past["missed"],
            )
            found.append(status.manifest())
        return found

    async def _watch_the_clock(self) -> None:
        while True:
            self._news.clear()
            now = self._clock.now()
            wake = now + timedelta(seconds=_LONGEST_SLEEP)
            for flow, since in self._flows:
                await self._tidy(flow, now)
                for index, key, cron in _schedules(flow):
                    found = self._start_what_is_due(flow, since, index, key, cron, now)
                    if found.next is not None:
                        wake = min(wake, found.next)
            await self._until(wake)

    def _start_what_is_due(
        self, flow: FlowResource, since: datetime, index: int, key: str, cron: CronTrigger, now: datetime
    ) -> Due:
        past = self._past.get(key, _NO_PAST)
        last = None if past["last"] is None else datetime.fromisoformat(past["last"])
        found = due(parse(cron.schedule, cron.time_zone), last, since, now, _span(cron.starting_deadline))
        self._next[key] = found.next
        if found.message:
            label = flow.spec.triggers[index].label
            _log.warning("schedule", flow=flow.name, trigger=label, message=found.message)
        if found.time is not None and not cron.suspend:
            self._start(flow, index, cron, found.time)
        if found.last is not None and found.last != last:
            # Noted behind the run: one that is made twice is one, by its name.
            self._past[key] = {"last": rfc3339(found.last), "missed": past["missed"] + found.missed}
            write_private(self._file, json.dumps(self._past))
        return found

    def _start(self, flow: FlowResource, index: int, cron: CronTrigger, time: datetime) -> None:
        try:
            manifest = scheduled_run(flow, index, time)
        except TriggerError as error:
            _log.error("no run for a time of a schedule", error=str(error))
            return
        name = manifest["metadata"]["name"]
        key = trigger_key(flow.spec.triggers, index)
        decision = decide(cron.concurrency_policy, flow.name, key, name, self._runs.all())
        if isinstance(decision, Skip):
            _log.warning("a time of a schedule is skipped", flow=flow.name, reason=decision.reason)
            return
        for other in decision.cancel if isinstance(decision, Replace) else ():
            self._runs.cancel(other)
        self._runs.ensure(manifest)

    async def _tidy(self, flow: FlowResource, now: datetime) -> None:
        """Delete runs whose time is over."""
        own = [run for run in self._runs.all() if (run["spec"].get("flow") or {}).get("name") == flow.name]
        settings = flow.spec.run
        ttl = _span(settings.ttl_after_finished)
        for name in expired(own, settings.history_limit, ttl, now, settled=self._settled()):
            await self._runs.delete(name)

    def _settled(self) -> datetime:
        """When artifacts that an earlier process leased have come back; see `expired`."""
        leases = [seconds(board.config.lease.ttl) for board in self._host.boards.values()]
        return self._started + timedelta(seconds=max(leases, default=0.0))

    async def _until(self, wake: datetime) -> None:
        """Until then, or until the flows are others."""
        sleep = asyncio.ensure_future(self._clock.sleep(max(0.0, (wake - self._clock.now()).total_seconds())))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((sleep, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            news.cancel()

    @asynccontextmanager
    async def _connect(self, place: Place) -> AsyncIterator[Board]:
        hosted = self._host.boards.get(place.blackboard)
        if hosted is None:
            raise LookupError(f'Blackboard "{place.blackboard}" is not running')
        yield hosted.board(identity(place.flow))

    async def _create(self, manifest: Mapping[str, Any]) -> None:
        self._runs.ensure(manifest)
        self._news.set()


def _schedules(flow: FlowResource) -> Sequence[tuple[int, str, CronTrigger]]:
    """The triggers by the clock: place, key under which their last time is kept, trigger."""
    return [
        (index, f"{flow.name}/{trigger_key(flow.spec.triggers, index)}", trigger.cron)
        for index, trigger in enumerate(flow.spec.triggers)
        if trigger.cron is not None
    ]


def _span(duration: str | None) -> timedelta | None:
    return None if duration is None else timedelta(seconds=seconds(duration))
