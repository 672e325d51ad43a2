"""Runs by the clock: which are due now, which older ones go, and what the status remembers. Pure.

The operator and `covey up` both ask it; what the status remembers they keep over restarts.

What a schedule has had is told by the status, and by the runs themselves where the process that made them
did not live to note it. So a time that was answered never is again, whoever dies when.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.flow import FlowResource, TriggerStatus
from agent_runtime.api.triggers import CronTrigger
from agent_runtime.triggers.cron import Due, due
from agent_runtime.triggers.flow_runs import Run, name_of, trigger_of
from agent_runtime.triggers.history import expired
from agent_runtime.triggers.naming import TIME_ANNOTATION, scheduled_run_name, trigger_key
from agent_runtime.triggers.policy import Replace, Skip, decide
from agent_runtime.triggers.runs import TriggerError, rfc3339, scheduled_run
from agent_runtime.triggers.schedule import Schedule, parse

Object = dict[str, Any]
"""A manifest."""
_JUST_BEFORE = timedelta(seconds=1)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Missed:
    """Something that people should know, once: `reason` is that of the event."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DueRuns:
    """What one schedule, or all of a flow, ask for now."""

    creates: tuple[Object, ...] = ()
    cancels: tuple[str, ...] = ()
    """Names of runs that make room for new ones."""
    remembered: tuple[TriggerStatus, ...] = ()
    next: datetime | None = None
    """When to look again."""
    notices: tuple[Missed, ...] = ()

    def __add__(self, other: "DueRuns") -> "DueRuns":
        nexts = [time for time in (self.next, other.next) if time is not None]
        return DueRuns(
            self.creates + other.creates,
            self.cancels + other.cancels,
            self.remembered + other.remembered,
            min(nexts, default=None),
            self.notices + other.notices,
        )


def turn(flow: FlowResource, runs: Sequence[Run], now: datetime) -> DueRuns:
    """Of all cron triggers of the flow; `runs` are those that its triggers made."""
    total = DueRuns()
    for index, cron, before in _schedules(flow):
        total += _turn(flow, index, cron, before, runs, now)
    return total


def surplus(flow: FlowResource, runs: Sequence[Run], now: datetime) -> tuple[list[str], bool]:
    """Names of ended runs beyond the history limit, and whether there are more after this pass.

    A run whose time is not in the status yet is kept until it is: else nobody would know of it.
    """
    noted = {
        trigger_key(flow.spec.triggers, index): _time(before.last_time) if before is not None else None
        for index, _, before in _schedules(flow)
    }

    def is_noted(run: Run) -> bool:
        time, (_, key) = _time_of(run), trigger_of(run) or ("", "")
        if time is None or key not in noted:
            return True
        last = noted[key]
        return last is not None and time <= last

    kept = {name_of(run) for run in runs if not is_noted(run)}
    names = expired(runs, flow.spec.run.history_limit, None, now)
    return [name for name in names if name not in kept], not kept.isdisjoint(names)


def _schedules(flow: FlowResource) -> Iterator[tuple[int, CronTrigger, TriggerStatus | None]]:
    """Each cron trigger with its index and what the status says of it: by its label, alike ones in order."""
    said, known = Counter[str](), {}
    for each in (flow.status.triggers if flow.status is not None else None) or ():
        known[each.trigger, said[each.trigger]] = each
        said[each.trigger] += 1
    seen = Counter[str]()
    for index, trigger in enumerate(flow.spec.triggers):
        if trigger.cron is not None:
            yield index, trigger.cron, known.get((trigger.label, seen[trigger.label]))
            seen[trigger.label] += 1


def _turn(
    flow: FlowResource,
    index: int,
    cron: CronTrigger,
    before: TriggerStatus | None,
    runs: Sequence[Run],
    now: datetime,
) -> DueRuns:
    label = flow.spec.triggers[index].label
    schedule = parse(cron.schedule, cron.time_zone)
    last = _last(flow, index, before, runs)
    missed = before.missed if before is not None else 0
    if cron.suspend:
        return DueRuns(remembered=(_status(label, last, None, missed),))
    found = _due(flow, schedule, cron, before, last, now)
    was_suspended = before is not None and before.next_time is None
    started = DueRuns()
    if found.time is not None and not was_suspended:
        started = _start(flow, index, cron, found.time, runs)
    passed = found.missed + (found.time is not None and not started.creates)
    remembered = _status(label, found.last, found.next, missed + passed)
    told = [found.message] if found.message and not was_suspended else []
    notices = tuple(Missed("ScheduleMissed", f"{label}: {message}") for message in told)
    return DueRuns(remembered=(remembered,), next=found.next, notices=notices) + started


def _due(
    flow: FlowResource,
    schedule: Schedule,
    cron: CronTrigger,
    before: TriggerStatus | None,
    last: datetime | None,
    now: datetime,
) -> Due:
    """Times count from the flow's creation; for a trigger that came later, from when it was first seen."""
    since = now
    if before is not None and before.next_time is not None:
        since = datetime.fromisoformat(before.next_time) - _JUST_BEFORE
    elif not _is_known(flow):
        since = _created(flow, now)
    late = timedelta(seconds=seconds(cron.starting_deadline)) if cron.starting_deadline else None
    return due(schedule, last, since, now, late)


def _start(flow: FlowResource, index: int, cron: CronTrigger, time: datetime, runs: Sequence[Run]) -> DueRuns:
    """The run for that time, in place of others where that is the policy; or why there is none."""
    trigger = flow.spec.triggers[index]
    name = scheduled_run_name(flow.name, flow.spec.triggers, index, time)
    key = trigger_key(flow.spec.triggers, index)
    decision = decide(cron.concurrency_policy, flow.name, key, name, runs)
    if isinstance(decision, Skip):
        message = f"{trigger.label}: no run for {rfc3339(time)}: {decision.reason}"
        return DueRuns(notices=(Missed("ScheduleSkipped", message),))
    try:
        run = scheduled_run(flow, index, time)
    except TriggerError as error:  # for this time it always fails; the next one may be better
        return DueRuns(notices=(Missed("TriggerFailed", f"no run for {rfc3339(time)}: {error}"),))
    return DueRuns((run,), decision.cancel if isinstance(decision, Replace) else ())


def _last(
    flow: FlowResource, index: int, before: TriggerStatus | None, runs: Sequence[Run]
) -> datetime | None:
    """The latest time that was answered: as noted, or by a run that nobody lived to note.

    Such a run is for the next time that was noted, or a later one. Older ones are of a trigger like this
    one that the flow had before.
    """
    if before is None:
        noted, unanswered = None, None if _is_known(flow) else _EVER
    else:
        noted, unanswered = _time(before.last_time), _time(before.next_time)
    if unanswered is None:
        return noted
    own = (flow.name, trigger_key(flow.spec.triggers, index))
    times = (_time_of(run) for run in runs if trigger_of(run) == own)
    return max((time for time in times if time is not None and time >= unanswered), default=noted)


def _status(label: str, last: datetime | None, following: datetime | None, missed: int) -> TriggerStatus:
    return TriggerStatus(
        trigger=label,
        last_time=rfc3339(last) if last is not None else None,
        next_time=rfc3339(following) if following is not None else None,
        missed=missed,
    )


def _is_known(flow: FlowResource) -> bool:
    """Whether a pass over it came to its end before."""
    return flow.status is not None and flow.status.observed_generation is not None


def _created(flow: FlowResource, now: datetime) -> datetime:
    return _time((flow.metadata.model_extra or {}).get("creationTimestamp")) or now


def _time_of(run: Run) -> datetime | None:
    """The time of the schedule that a run is for."""
    return _time((run["metadata"].get("annotations") or {}).get(TIME_ANNOTATION))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
