"""What becomes of a FlowRun: legs, each in a Job of its own, or a place in the queue of its flow's workers.

The config is frozen when the run starts, in an immutable ConfigMap: later legs are made from it and from the
FlowRun's own spec, and the Flow is not looked at again but for its limits.
"""

import base64
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
from pydantic import ValidationError

from agent_runtime.api.base import seconds
from agent_runtime.api.flow import RunSettings
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.flows.literal_headers import revealed
from agent_runtime.compile.flows.run import compile_run
from agent_runtime.compile.result import Compiled, Lookup, Ref
from agent_runtime.config.models import RunConfig
from covey_operator.conditions import Condition
from covey_operator.desired.pods import CONFIG_KEY
from covey_operator.desired.publishing import missing
from covey_operator.desired.queued_run import cancelled, plan_queued
from covey_operator.desired.run_jobs import HEADERS, items_job, leg_job, parts
from covey_operator.install.installation import Installation
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.plan import Children, Notice, Plan
from covey_operator.runs.concurrency import Claim
from covey_operator.runs.jobs import (
    FINAL,
    RunProgress,
    child_name,
    finished,
    headers_name,
    leg_name,
    standing,
)
from covey_operator.runs.waits import look


def plan(
    run: FlowRunResource, lookup: Lookup, install: Installation, children: Children, now: datetime
) -> Plan:
    """Start it, let it go on, hold it, leave it alone, or take it away."""
    made = _plan(run, lookup, install, children, now)
    state = made.queued.state if made.queued is not None else None
    if made.verdict is not None or (state is not None and state.state == "Ended"):
        return replace(made, fields={"finishedAt": f"{now:%Y-%m-%dT%H:%M:%SZ}"})
    return made


def _plan(
    run: FlowRunResource, lookup: Lookup, install: Installation, children: Children, now: datetime
) -> Plan:
    stand = standing(run, children)
    if run.status is not None and run.status.phase in FINAL:
        return _retired(run, stand, lookup, children, now)
    if stand.unread and stand.job is not None:
        return Plan(None, pods_of=stand.job.key.name, deletes=stand.stale, again_in=0.0)
    if stand.at_work is not None:
        return _at_work(run, stand, lookup)
    frozen = _frozen(run, lookup, children)
    if _is_queued(run, frozen, lookup):
        compiled = _compiled(run, frozen, lookup, install)
        return plan_queued(
            run, compiled, stand, lookup, install, now, claim_of(run, lookup), is_frozen=frozen is not None
        )
    if run.spec.cancel:
        return Plan((), verdict=cancelled())
    if stand.leg == 0:
        return _start(run, _compiled(run, frozen, lookup, install), lookup, install)
    return _go_on(run, stand, frozen, lookup, install, now)


def claim_of(run: FlowRunResource, lookup: Lookup, *, under_way: bool = False) -> Claim:
    """The run's claim on a slot. The limit is what the Flow says now."""
    since = str((run.metadata.model_extra or {}).get("creationTimestamp") or "")
    settings = _flow_settings(run, lookup)
    flow = run.spec.flow.name if run.spec.flow is not None else ""
    return Claim(since, flow, settings.max_concurrent if settings and flow else None, under_way)


def claim_at_start(run: FlowRunResource, children: Children, lookup: Lookup) -> Claim | None:
    """As `Plan.claim`, for an operator that has just started and has made no pass yet."""
    status, stand = run.status, standing(run, children)
    if status is not None and status.phase in FINAL:
        return None
    if stand.at_work is not None:
        return claim_of(run, lookup, under_way=True) if not _is_held(stand) else None
    in_queue = stand.leg > 0 and stand.job is None and (status is None or status.job is None)
    if in_queue and status is not None and status.phase in ("Queued", "Running"):
        return claim_of(run, lookup, under_way=True)
    wants = stand.waiting is None and not (run.spec.suspend or run.spec.cancel or stand.unread)
    return claim_of(run, lookup) if wants else None


def _start(
    run: FlowRunResource, compiled: Compiled[RunConfig], lookup: Lookup, install: Installation
) -> Plan:
    if compiled.config is None:
        return Plan(None, compiled.problems, compiled.refs)
    if run.spec.suspend:
        return Plan(None, (), compiled.refs)
    desired = (*parts(run, compiled.config, lookup, install), leg_job(run, compiled.config, 1, install))
    return Plan(desired, (), compiled.refs, claim=claim_of(run, lookup))


def _at_work(run: FlowRunResource, stand: RunProgress, lookup: Lookup) -> Plan:
    """A Job that has not ended: it is left alone, but for being held."""
    job = stand.at_work
    assert job is not None
    if run.spec.cancel:
        return Plan((), verdict=cancelled())
    held = _is_held(stand)
    if run.spec.suspend:
        return Plan(None, deletes=stand.stale, held={} if held else {job.key: True})
    claim = claim_of(run, lookup, under_way=not held)
    refs = (Ref("Flow", run.spec.flow.name),) if held and run.spec.flow is not None else ()
    return Plan(None, refs=refs, deletes=stand.stale, held={job.key: False} if held else {}, claim=claim)


def _go_on(
    run: FlowRunResource,
    stand: RunProgress,
    config: RunConfig | None,
    lookup: Lookup,
    install: Installation,
    now: datetime,
) -> Plan:
    """The Job of the latest leg is over or gone."""
    if config is None:
        message = (
            f"ConfigMap {child_name(run.name)}, the run's config, or the Secret with its headers is gone or "
            "spoilt: create another FlowRun"
        )
        return Plan(None, verdict=Condition("Succeeded", "False", "ConfigLost", message))
    leg, notices = stand.leg, tuple[Notice, ...]()
    if stand.waiting is None:
        name = leg_name(run.name, leg)
        lookup("Job", name)  # asks the API server itself: a watch that lags must not make it look lost
        if config.store is None:
            message = f"Job {name} is gone, and with it its outcome: create another FlowRun to run again"
            return Plan(None, verdict=Condition("Succeeded", "False", "JobLost", message))
        notices = (Notice("JobLost", f"Job {name} was gone: made again, the run goes on where it stood"),)
        job = leg_job(run, config, leg, install)
    else:
        done = stand.items is not None and finished(stand.items.state) is not None
        wait = look(run, stand.waiting, now, items_done=done)
        if wait.state == "Going":
            return Plan(None, deletes=stand.stale, again_in=wait.seconds)
        if wait.state == "Items":
            job = items_job(run, config, leg, stand.waiting, install)
        else:
            job = leg_job(run, config, leg + 1, install)
    if run.spec.suspend:
        return Plan(None, deletes=stand.stale)
    refs = [Ref("ConfigMap", child_name(run.name))]
    if run.spec.flow is not None:
        refs.append(Ref("Flow", run.spec.flow.name))
    if problems := missing(config.boards, run.namespace, lookup):
        refs += [Ref("Blackboard", access.blackboard) for access in config.boards or ()]
        return Plan(None, problems, tuple(refs), deletes=stand.stale)
    desired = (*parts(run, config, lookup, install), job)
    return Plan(desired, refs=tuple(refs), notices=notices, claim=claim_of(run, lookup))


def _retired(
    run: FlowRunResource, stand: RunProgress, lookup: Lookup, children: Children, now: datetime
) -> Plan:
    """A run that has ended, until its time to live is over: by the Flow's word, should it still be there."""
    assert run.status is not None
    desired = () if run.status.phase == "Cancelled" else None
    settings = _flow_settings(run, lookup)
    if settings is None and run.spec.flow is not None:
        frozen = _frozen(run, lookup, children)
        settings = frozen.flow.run if frozen is not None else None
    kept = settings.ttl_after_finished if settings is not None else None
    if kept is None or run.status.finished_at is None:
        return Plan(desired, deletes=stand.stale)
    left = datetime.fromisoformat(run.status.finished_at) + timedelta(seconds=seconds(kept)) - now
    if left > timedelta():
        return Plan(desired, deletes=stand.stale, again_in=left.total_seconds())
    return Plan(None, deletes=(Key("FlowRun", run.namespace, run.name),))


def _is_held(stand: RunProgress) -> bool:
    return stand.at_work is not None and bool(stand.at_work.state.get("suspend"))


def _compiled(
    run: FlowRunResource, frozen: RunConfig | None, lookup: Lookup, install: Installation
) -> Compiled[RunConfig]:
    """The config as it was frozen, should a pass have come that far; else as it would be now."""
    if frozen is None:
        return compile_run(run, lookup, install.places())
    return Compiled(frozen, refs=tuple(_refs(run)))


def _refs(run: FlowRunResource) -> Iterable[Ref]:
    yield Ref("ConfigMap", child_name(run.name))
    if run.spec.flow is not None:
        yield Ref("Flow", run.spec.flow.name)


def _frozen(run: FlowRunResource, lookup: Lookup, children: Children) -> RunConfig | None:
    name = child_name(run.name)
    if Key("ConfigMap", run.namespace, name) not in children:
        return None
    found: Object = dict(lookup("ConfigMap", name) or {})
    text = (found.get("data") or {}).get(CONFIG_KEY)
    try:
        if text is None:
            return None
        config = RunConfig.model_validate_json(text)
        return config if config.headers_env is None else revealed(config, _headers(run, lookup))
    except (ValidationError, KeyError, ValueError):
        return None  # of a version that knew other fields, or touched while it was not immutable


def _headers(run: FlowRunResource, lookup: Lookup) -> dict[str, str]:
    """The headers that left the config for a Secret. Raises KeyError or ValueError when that is gone."""
    found = lookup("Secret", headers_name(run.name))
    if found is None:
        raise KeyError(headers_name(run.name))
    values: dict[str, str] = orjson.loads(base64.b64decode(found["data"][HEADERS]))
    return values


def _flow_settings(run: FlowRunResource, lookup: Lookup) -> RunSettings | None:
    if run.spec.flow is None:
        return run.spec.flow_spec.run if run.spec.flow_spec is not None else None
    found = lookup("Flow", run.spec.flow.name)
    try:
        return None if found is None else RunSettings.model_validate(found["spec"].get("run") or {})
    except ValidationError:
        return None


def _is_queued(run: FlowRunResource, frozen: RunConfig | None, lookup: Lookup) -> bool:
    if run.spec.backend is not None:
        return run.spec.backend == "Queue"
    settings = frozen.flow.run if frozen is not None else _flow_settings(run, lookup)
    return settings is not None and settings.backend == "Queue"
