"""The status of a FlowRun: from its Jobs and the last words of their pods, or from its queue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agent_runtime.api.flowrun import FlowRunResource, FlowRunStatus
from agent_runtime.api.reasons import POD_REASONS
from agent_runtime.runs.outcome import wire_at_end
from covey_operator.conditions import Condition
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.resources import Object
from covey_operator.observed.nodes import merged
from covey_operator.observed.observation import Observation
from covey_operator.observed.queued_run import observe_queued
from covey_operator.observed.run_phases import SUSPENDED, ends, going, waits
from covey_operator.observed.seen import Kept, ObservedExtras
from covey_operator.plan import Children
from covey_operator.pods.shortage import Pods
from covey_operator.pods.states import Trouble
from covey_operator.runs.jobs import FINAL, RunProgress, finished, standing
from covey_operator.runs.outcome import Outcome, last_words, outcome_of
from covey_operator.runs.queue_rows import ASK_AGAIN
from covey_operator.runs.waits import is_answered

_LOOK_AGAIN = 1.0
"""Seconds, should the watch not have shown by then that a Job is gone."""


def observe(run: FlowRunResource, children: Children, seen: ObservedExtras) -> Observation:
    """`seen.pods` are those of a leg's Job, and are looked at only when that has finished."""
    status = run.status or FlowRunStatus(conditions=[])
    if status.phase in FINAL:
        return _as_it_was(status)
    found = _observed(run, status, children, seen)
    return _with_nodes_at_end(found, status) if found.fields.get("phase") in FINAL else found


def _with_nodes_at_end(found: Observation, status: FlowRunStatus) -> Observation:
    """No node is left Running or Waiting when its run has ended, whoever ended it."""
    nodes = found.fields.get("nodes") or [node.manifest() for node in status.nodes or ()]
    if not nodes:
        return found
    ended = wire_at_end(nodes, found.fields.get("finishedAt"))
    return replace(found, fields={**found.fields, "nodes": ended})


def _observed(
    run: FlowRunResource, status: FlowRunStatus, children: Children, seen: ObservedExtras
) -> Observation:
    if seen.verdict is not None:
        phase = "Cancelled" if seen.verdict.reason == "Cancelled" else "Failed"
        return ends(phase, seen.verdict)
    if seen.queued is not None and seen.turn is None:
        return observe_queued(run, status, seen.queued, seen.workers)
    stand = standing(run, children)
    if stand.unread and stand.job is not None and seen.pods is not None:
        outcome = _last_words(stand.job, seen.pods)
        if outcome.trouble and seen.kept is not None and seen.kept.words is not None:
            return _ended(run, status, stand, outcome_of(seen.kept.words), kept=True)
        if outcome.trouble and finished(stand.job.state) == "Complete":
            return _lost(run, status, stand, outcome, seen.kept)
        asks = bool(outcome.trouble) and not outcome.error and not run.spec.cancel
        if asks and seen.kept is not None and seen.kept.away and _last_trouble(status) is None:
            # It may have ended well before its node was lost: the store says so when it is back. A pod that
            # did not come up has ended nothing.
            why = f"Job {stand.job.key.name} failed, and {outcome.trouble}"
            return _asked_for(why, seen.kept, {"leg": stand.leg, "job": stand.job.key.name, "waiting": None})
        return _ended(run, status, stand, outcome)
    return _under_way(run, status, stand, seen)


def says_nothing(run: FlowRunResource, children: Children, pods: Sequence[Object] | None) -> bool:
    """Whether a leg has ended, and its pods do not say how: then the run store is asked."""
    stand = standing(run, children)
    if pods is None or stand.job is None or not stand.unread:
        return False
    return bool(_last_words(stand.job, pods).trouble)


def _last_words(job: ChildSnapshot, pods: Sequence[Object]) -> Outcome:
    return last_words(pods, complete=finished(job.state) == "Complete")


def _lost(
    run: FlowRunResource, status: FlowRunStatus, stand: RunProgress, outcome: Outcome, kept: Kept | None
) -> Observation:
    """The leg has ended well, and nobody knows whether the run has, or what it waits for."""
    assert stand.job is not None
    name = stand.job.key.name
    job = stand.job.state["status"]
    started = status.started_at or job.get("startTime")
    fields: Object = {"leg": stand.leg, "job": name, "startedAt": started, "waiting": None}
    over = {**fields, "finishedAt": job.get("completionTime")}
    why = f"Job {name} is complete, and {outcome.trouble}"
    if run.spec.cancel:
        return ends("Cancelled", Condition("Succeeded", "False", "Cancelled", "spec.cancel is true"), **over)
    if kept is not None and outcome.gone:
        message = f"{why}: it is made again, and goes on where the run stood"
        found = going("Running", Condition("Succeeded", "Unknown", "OutcomeLost", message), **fields)
        return replace(found, again=(stand.job.key,), again_in=_LOOK_AGAIN)
    if kept is not None and kept.away:
        return _asked_for(why, kept, fields)
    nobody = "the run store has no outcome of it" if kept is not None else "there is no run store that has it"
    message = f"{why}, and {nobody}: create another FlowRun to run again"
    return ends("Failed", Condition("Succeeded", "False", "OutcomeLost", message), **over)


def _asked_for(why: str, kept: Kept, fields: Object) -> Observation:
    """How the run ended is asked for again until the run store answers."""
    said = Condition(
        "Succeeded", "Unknown", "RunStoreAway", f"{why}; the run store does not answer: {kept.away}"
    )
    return replace(going("Running", said, **fields), again_in=ASK_AGAIN)


def _under_way(
    run: FlowRunResource, status: FlowRunStatus, stand: RunProgress, seen: ObservedExtras
) -> Observation:
    fields: Object = {"leg": stand.leg or None}
    if stand.job is not None:
        started = status.started_at or stand.job.state["status"].get("startTime")
        fields |= {"job": stand.job.key.name, "startedAt": started}
    if seen.nodes:
        fields["nodes"] = merged(status.nodes or (), seen.nodes)
    if seen.turn is not None:
        waiting = None if stand.waiting is None else stand.waiting.manifest()
        said = Condition("Succeeded", "Unknown", "AtCapacity", seen.turn.message)
        return going("Queued", said, waiting=waiting, **fields)
    pods = seen.short.get(stand.at_work.key) if stand.at_work is not None else None
    trouble = pods.trouble if pods is not None else None
    if stand.waiting is not None:
        observation = waits(run, stand.waiting, suspended=_could_go_on(run, stand), **fields)
        return _with(trouble, stand, observation) if stand.waiting.for_ == "Map" else observation
    fields["waiting"] = None
    if run.spec.suspend:
        return going("Waiting" if stand.leg else "Queued", SUSPENDED, **fields)
    if _is_being_failed(stand) and (last := _last_trouble(status)) is not None:
        return going("Queued", last, **fields)
    if stand.job is not None and _is_running(status, stand, pods):
        return going("Running", Condition("Succeeded", "Unknown", "Running"), **fields)
    message = _where_the_pod_is(stand)
    return _with(
        trouble, stand, going("Queued", Condition("Succeeded", "Unknown", "Starting", message), **fields)
    )


def _could_go_on(run: FlowRunResource, stand: RunProgress) -> bool:
    """But for being suspended: its items would be at work, or the answer is there."""
    assert stand.waiting is not None
    return run.spec.suspend and (stand.items is not None or is_answered(run, stand.waiting))


def _is_running(status: FlowRunStatus, stand: RunProgress, pods: Pods | None) -> bool:
    """A pod that was killed is replaced by its Job: the run is under way as long as nothing is amiss."""
    assert stand.job is not None
    job = stand.job.state["status"]
    if job.get("ready"):
        return True
    if pods is not None and (pods.trouble is not None or pods.running):
        return pods.trouble is None
    ran = status.phase == "Running" and status.leg == stand.leg and bool(job.get("startTime"))
    has_begun = "ready" not in job and any(job.get(each) for each in ("active", "failed", "terminating"))
    return ran or has_begun


def _where_the_pod_is(stand: RunProgress) -> str:
    if stand.job is None:
        return "the Job is not there yet"
    return "its pod starts" if stand.job.state["status"].get("active") else "the Job has no pod yet"


def _with(trouble: Trouble | None, stand: RunProgress, observation: Observation) -> Observation:
    """A run whose pod does not come up says why; the Job goes on trying until its deadline."""
    if trouble is None or observation.outcome is None or stand.at_work is None:
        return observation
    before = f"{observation.outcome.message}; " if observation.fields["phase"] == "Waiting" else ""
    message = f"{before}Job {stand.at_work.key.name}: {trouble.message}"
    return replace(observation, outcome=Condition("Succeeded", "Unknown", trouble.reason, message))


def _ended(
    run: FlowRunResource, status: FlowRunStatus, stand: RunProgress, outcome: Outcome, *, kept: bool = False
) -> Observation:
    """The leg has ended: with it the run, unless it waits for something. `kept`: as the run store knows."""
    assert stand.job is not None
    job = stand.job.state
    how = next(each for each in job["status"]["conditions"] if each["type"] == finished(job))
    at = job["status"].get("completionTime") or how.get("lastTransitionTime")
    started = job["status"].get("startTime")
    told: Object = {
        "job": stand.job.key.name,
        "leg": stand.leg,
        "startedAt": status.started_at or started,
        "workedSeconds": (status.worked_seconds or 0) + _seconds_between(started, at),
        **outcome.fields,
    }
    nodes = merged(status.nodes or (), outcome.nodes)
    if nodes:
        told["nodes"] = nodes
    complete = how["type"] == "Complete" or kept
    if complete and outcome.waiting is not None:
        told.pop("result", None)
        if run.spec.cancel:
            said = Condition("Succeeded", "False", "Cancelled", "spec.cancel is true")
            return ends("Cancelled", said, finishedAt=at, **told)
        return waits(run, outcome.waiting, **told)
    told["finishedAt"] = at
    if complete and not outcome.error:
        return ends("Succeeded", Condition("Succeeded", "True", "Succeeded", outcome.note), **told)
    failed = how.get("reason") == "PodFailurePolicy" or complete
    reason = "FlowFailed" if failed else how.get("reason") or "Failed"
    message = outcome.error or _with_last_trouble(how.get("message") or "", status)
    return ends("Failed", Condition("Succeeded", "False", reason, message), **told)


def _is_being_failed(stand: RunProgress) -> bool:
    """A Job that is out of time or attempts first takes its pods away, and then is Failed."""
    conditions = (stand.job.state["status"].get("conditions") or ()) if stand.job is not None else ()
    return any(each["type"] == "FailureTarget" and each["status"] == "True" for each in conditions)


def _last_trouble(status: FlowRunStatus) -> Condition | None:
    """Why the pod did not come up, as the status has it."""
    said = next((each for each in status.conditions or () if each.type == "Succeeded"), None)
    if said is None or said.reason not in POD_REASONS:
        return None
    return Condition("Succeeded", "Unknown", said.reason, said.message)


def _with_last_trouble(message: str, status: FlowRunStatus) -> str:
    """A Job that is out of time takes its pods away, and with them why they did not come up."""
    last = _last_trouble(status)
    return message if last is None else f"{message}; last was {last.reason}: {last.message}"


def _seconds_between(start: str | None, stop: str | None) -> int:
    if start is None or stop is None:
        return 0
    return max(0, int((datetime.fromisoformat(stop) - datetime.fromisoformat(start)).total_seconds()))


def _as_it_was(status: FlowRunStatus) -> Observation:
    """A run that has ended says the same for ever."""
    said = next((each for each in status.conditions if each.type == "Succeeded"), None)
    if said is None:
        return Observation()
    return Observation(outcome=Condition(said.type, said.status, said.reason, said.message))
