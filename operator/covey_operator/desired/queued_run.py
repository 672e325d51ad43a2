"""A FlowRun that warm workers run: put into the queue of its flow, and told what is wanted of it."""

from dataclasses import replace
from datetime import datetime

import orjson

from agent_runtime.api.flow import FlowResource
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.result import Compiled, Lookup, Problem
from agent_runtime.config.models import RunConfig
from agent_runtime.runs.queue.port import QueueState
from covey_operator.conditions import Condition
from covey_operator.desired.run_jobs import frozen_config, items_job, literal_headers, parts
from covey_operator.install.installation import Installation
from covey_operator.plan import Plan
from covey_operator.runs.concurrency import Claim
from covey_operator.runs.jobs import RunProgress, finished
from covey_operator.runs.outcome import outcome_of
from covey_operator.runs.queue_rows import ASK_AGAIN, QUEUED, InQueue, Step
from covey_operator.runs.waits import look


def plan_queued(
    run: FlowRunResource,
    compiled: Compiled[RunConfig],
    stand: RunProgress,
    lookup: Lookup,
    install: Installation,
    now: datetime,
    claim: Claim,
    *,
    is_frozen: bool,
) -> Plan:
    """A run whose config is not frozen yet is in no queue; else the server says where it stands."""
    config = compiled.config
    problems = compiled.problems or _no_workers(run, lookup, install)
    if not is_frozen and run.spec.cancel:
        return Plan((), verdict=cancelled())
    if config is None or (problems and not is_frozen):
        return Plan(None, problems, compiled.refs)
    place = InQueue(config.run_id, f"{config.namespace}/{config.flow_name}")
    plan = Plan(None, refs=compiled.refs, queued=place, deletes=stand.stale)
    submit = replace(
        plan,
        desired=(*literal_headers(run, config), frozen_config(run, config)),
        step=Step("Run", _body(run, config), is_new=True, fork=config.fork_of),
        claim=claim,
    )
    if not is_frozen:
        return replace(plan, queued=None) if run.spec.suspend else submit
    found = lookup(QUEUED, config.run_id) or {}
    if "away" in found:
        at_work = replace(claim, under_way=True) if _was_at_work(run) else None
        return replace(
            plan, queued=replace(place, away=str(found["away"])), again_in=ASK_AGAIN, claim=at_work
        )
    state: QueueState | None = found.get("state")
    if state is None:
        if run.spec.cancel:
            return Plan((), verdict=cancelled())
        return plan if run.spec.suspend else submit
    plan = replace(plan, queued=replace(place, state=state))
    if state.state == "Ended":
        return plan
    if run.spec.cancel:
        return replace(plan, step=Step("Cancel", None)) if state.wanted != "Cancel" else plan
    if state.state == "Suspended":
        return _at_rest(run, config, stand, state, lookup, install, now, plan, claim)
    plan = replace(plan, claim=replace(claim, under_way=True))
    if run.spec.suspend:
        return replace(plan, step=Step("Suspend", None)) if state.wanted != "Suspend" else plan
    return replace(plan, step=Step("Run", None)) if state.wanted != "Run" else plan


def cancelled() -> Condition:
    """How a run ends that was cancelled."""
    return Condition("Succeeded", "False", "Cancelled", "spec.cancel is true")


def _at_rest(
    run: FlowRunResource,
    config: RunConfig,
    stand: RunProgress,
    state: QueueState,
    lookup: Lookup,
    install: Installation,
    now: datetime,
    plan: Plan,
    claim: Claim,
) -> Plan:
    """Suspended: by what it waits for, by `spec.suspend`, or by both."""
    waiting = outcome_of(state.outcome).waiting if state.outcome is not None else None
    if waiting is not None:
        done = stand.items is not None and finished(stand.items.state) is not None
        wait = look(run, waiting, now, items_done=done)
        if wait.state == "Going":
            return replace(plan, again_in=wait.seconds)
        if wait.state == "Items":
            if stand.waiting != waiting:
                return replace(plan, again_in=0.0)  # the status says it first: the Job's name hangs on it
            job = items_job(run, config, stand.leg, waiting, install)
            wanted = replace(plan, desired=(*parts(run, config, lookup, install), job), claim=claim)
            return plan if run.spec.suspend else wanted
    if run.spec.suspend:
        return plan
    return replace(plan, step=Step("Run", _body(run, config)), claim=claim)


def _was_at_work(run: FlowRunResource) -> bool:
    status = run.status
    return status is not None and status.leg is not None and status.phase in ("Queued", "Running")


def _body(run: FlowRunResource, config: RunConfig) -> bytes:
    answers = [answer.manifest() for answer in run.spec.answers or ()]
    return orjson.dumps({"config": config.manifest(), "answers": answers})


def _no_workers(run: FlowRunResource, lookup: Lookup, install: Installation) -> tuple[Problem, ...]:
    if not install.settings.run_store:
        message = (
            "the backend Queue needs the runs server, which this installation has not: install it, "
            "or take the backend Job"
        )
        return (Problem("Accepted", "InvalidSpec", message, "spec.backend"),)
    flow = lookup("Flow", run.spec.flow.name) if run.spec.flow is not None else None
    if flow is not None and FlowResource.model_validate(flow).spec.serve is not None:
        return ()
    whose = f'Flow "{run.spec.flow.name}" has no' if run.spec.flow is not None else "only a Flow has"
    message = (
        f"spec.backend: {whose} workers that could take the run: set serve in it, or take the backend Job"
    )
    return (Problem("Accepted", "InvalidSpec", message, "spec.backend"),)
