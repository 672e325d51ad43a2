"""Triggers on the laptop: the clock and the blackboards of this process make runs of flows."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from agent_runtime.api.base import seconds
from agent_runtime.api.flow import FlowResource, FlowStatus, TriggerStatus
from agent_runtime.blackboard.board import Board
from agent_runtime.compile.result import Manifest
from agent_runtime.core.background import keep_running, report, spawn
from agent_runtime.core.clock import Clock
from agent_runtime.local.errors import UserError
from agent_runtime.local.hosting.host import Host
from agent_runtime.local.manifests.files import write_private
from agent_runtime.runs.outcome import rfc3339
from agent_runtime.telemetry import logs
from agent_runtime.triggers.due_runs import turn
from agent_runtime.triggers.flow_runs import ended_at, has_ended
from agent_runtime.triggers.history import expired
from agent_runtime.triggers.listeners import Listeners, Place
from agent_runtime.triggers.naming import trigger_key
from agent_runtime.triggers.schedule import parse
from agent_runtime.triggers.subscription import identity

_SHORTEST_SLEEP = timedelta(seconds=1)
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


_FLOWS = "flows"
"""The key of the file under which the statuses of triggers are, by flow; older files have none."""


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
        self._old, self._known = _read(file)
        """What an older version kept, by flow and trigger; and the triggers' statuses by flow."""
        self._unwritten = False
        self._listeners = Listeners(self._connect, self._create, clock=clock)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def follow(self, flows: Iterable[tuple[FlowResource, datetime]]) -> None:
        """From now on these flows, each with the time since which it is there."""
        gone = {flow.name for flow, _ in self._flows}
        self._flows = list(flows)
        for name in gone - {flow.name for flow, _ in self._flows}:
            self._known.pop(name, None)
        await self._listeners.follow(flow for flow, _ in self._flows)
        self._news.set()
        if self._task is None:
            watch = keep_running(self._watch_the_clock, name="schedules", sleep=self._clock.sleep)
            self._task = spawn(watch, name="schedules")

    async def close(self) -> None:
        """Make no more runs."""
        await self._listeners.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def status(self, flow: FlowResource) -> list[dict[str, Any]]:
        """How its triggers by the clock stand, as in a Flow's status."""
        labels = {trigger.label for trigger in flow.spec.triggers if trigger.cron is not None}
        known = self._known.get(flow.name, ())
        return [status.manifest() for status in known if status.trigger in labels]

    async def _watch_the_clock(self) -> None:
        while True:
            self._news.clear()
            now = self._clock.now()
            wake = now + timedelta(seconds=_LONGEST_SLEEP)
            for flow, since in self._flows:
                try:
                    wake = min(wake, await self._look_at(flow, since, now))
                except Exception as error:  # whatever it is, the other flows have their turn
                    report(f"schedules of flow {flow.name}", error)
            for name in self._expired_without_a_flow(now):
                await self._runs.delete(name)
            self._write()
            await self._until(wake)

    async def _look_at(self, flow: FlowResource, since: datetime, now: datetime) -> datetime:
        """Make the runs that are due and delete those whose time is over; returns when to come again."""
        nexts = [await self._tidy(flow, now)]
        if any(trigger.cron is not None for trigger in flow.spec.triggers):
            due = turn(self._with_status(flow, since), self._runs.all(), now)
            for name in due.cancels:
                self._runs.cancel(name)
            for manifest in due.creates:
                self._runs.ensure(manifest)
            for notice in due.notices:
                _log.warning(notice.message, flow=flow.name, reason=notice.reason)
            # Noted behind the run: one that is made twice is one, by its name.
            self._remember(flow.name, due.remembered)
            nexts.append(due.next)
        return min((time for time in nexts if time is not None), default=now + timedelta(days=1))

    def _with_status(self, flow: FlowResource, since: datetime) -> FlowResource:
        """The flow as the API server has it: with when it was made, and what is known of its triggers."""
        known = self._known.get(flow.name)
        if known is None:
            known = _taken_over(flow, self._old)
        status = None if known is None else FlowStatus(conditions=[], observed_generation=1, triggers=known)
        metadata = flow.metadata.model_copy()
        made = type(metadata).model_validate(
            {**metadata.model_dump(by_alias=True, exclude_none=True), "creationTimestamp": rfc3339(since)}
        )
        return flow.model_copy(update={"metadata": made, "status": status})

    def _remember(self, flow: str, statuses: Sequence[TriggerStatus]) -> None:
        if self._known.get(flow) != list(statuses):
            self._known[flow] = list(statuses)
            self._unwritten = True
            self._write()

    def _write(self) -> None:
        """What the disk refuses is written again with the next look at the clock."""
        if not self._unwritten:
            return
        statuses = {flow: [status.manifest() for status in known] for flow, known in self._known.items()}
        try:
            write_private(self._file, json.dumps({_FLOWS: statuses}))
            self._unwritten = False
        except UserError as failure:
            report("times of schedules", failure)

    async def _tidy(self, flow: FlowResource, now: datetime) -> datetime | None:
        """Delete runs whose time is over; returns when the next one's may be."""
        own = [run for run in self._runs.all() if (run["spec"].get("flow") or {}).get("name") == flow.name]
        settings = flow.spec.run
        ttl = _span(settings.ttl_after_finished)
        for name in expired(own, settings.history_limit, ttl, now, settled=self._settled()):
            await self._runs.delete(name)
        if ttl is None or not own:
            return None
        over = [ended_at(run) + ttl for run in own if has_ended(run)]
        return max(now + _SHORTEST_SLEEP, min([now + ttl, *(time for time in over if time > now)]))

    def _expired_without_a_flow(self, now: datetime) -> list[str]:
        """Runs of graphs of their own, which say themselves how long they are kept."""
        found = []
        for run in self._runs.all():
            settings = (run["spec"].get("flowSpec") or {}).get("run") or {}
            if ttl := settings.get("ttlAfterFinished"):
                found += expired([run], 1, _span(ttl), now)
        return found

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


def _read(file: Path) -> tuple[dict[str, Any], dict[str, list[TriggerStatus]]]:
    """What an older version kept, and the statuses. A file that cannot be read is reported."""
    try:
        content = json.loads(file.read_text()) if file.exists() else {_FLOWS: {}}
        if _FLOWS not in content:
            return dict(content), {}
        return {}, {
            flow: [TriggerStatus.model_validate(status) for status in statuses]
            for flow, statuses in content[_FLOWS].items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        report(f"times of schedules in {file}: they count from now on", error)
        return {}, {}


def _taken_over(flow: FlowResource, old: Mapping[str, Any]) -> list[TriggerStatus] | None:
    """What an older version kept of the flow's schedules; None when it kept nothing."""
    found = []
    for index, trigger in enumerate(flow.spec.triggers):
        past = old.get(f"{flow.name}/{trigger_key(flow.spec.triggers, index)}")
        if trigger.cron is None or not isinstance(past, dict) or not past.get("last"):
            continue
        following = parse(trigger.cron.schedule, trigger.cron.time_zone).after(
            datetime.fromisoformat(past["last"])
        )
        found.append(
            TriggerStatus(
                trigger=trigger.label,
                last_time=past["last"],
                next_time=None if following is None else rfc3339(following),
                missed=past.get("missed", 0),
            )
        )
    return found or None


def _span(duration: str | None) -> timedelta | None:
    return None if duration is None else timedelta(seconds=seconds(duration))
