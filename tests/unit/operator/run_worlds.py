"""A FlowRun at any point of its life: its status, its Jobs, and what its config was frozen to."""

import json
from datetime import datetime
from typing import Any

import orjson

from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.flows.run import compile_run
from agent_runtime.runs.queue.port import QueueState
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.install.installation import Installation
from covey_operator.kube.keys import Key
from covey_operator.observed.flowrun import observe
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.plan import Plan
from covey_operator.runs.queue_rows import QUEUED
from tests.unit.operator.worlds import INSTALL, NOW, RUN, WORLD, Object, lookup_in
from tests.unit.operator.worlds import plan as plan_in

APPROVAL: Object = {
    "for": "Approval",
    "node": "review",
    "visit": 1,
    "prompt": "Print it?",
    "actions": ["print", "drop"],
}
ITEMS: Object = {"for": "Map", "node": "ask", "visit": 2, "count": 30, "parallelism": 4, "generation": 7}
TIME: Object = {"for": "Time", "node": "nap", "visit": 1, "until": "2026-03-02T09:10:00Z"}


def run(spec: Object | None = None, **status: object) -> Object:
    """The run `monday` with more in its spec, and with this status."""
    body = {**RUN, "spec": {**RUN["spec"], **(spec or {})}}
    return {**body, "status": {"conditions": [], **status}} if status else body


def answers(*given: tuple[str, int, str]) -> Object:
    return {"answers": [{"node": node, "visit": visit, "action": action} for node, visit, action in given]}


def job(name: str, *conditions: str, suspend: bool = False, **status: Any) -> dict[Key, ChildSnapshot]:
    """A Job of the run with these conditions."""
    said = [
        {"type": each, "status": "True", "lastTransitionTime": "2026-03-02T08:59:00Z"} for each in conditions
    ]
    state: Object = {"generation": 1, "replicas": 1, "status": {"conditions": said, **status}}
    return _child("Job", name, state | ({"suspend": True} if suspend else {}))


def begun() -> dict[Key, ChildSnapshot]:
    """The ConfigMap is there: the run has started once."""
    return _child("ConfigMap", "monday-run", {})


def _child(kind: str, name: str, state: Object) -> dict[Key, ChildSnapshot]:
    key = Key(kind, "news", name)
    return {key: ChildSnapshot(key, f"uid-of-{name}", 1, None, False, "", b"{}", orjson.dumps(state))}


def frozen(body: Object, install: Installation = INSTALL) -> Object:
    """The ConfigMap of the run as its first pass made it."""
    resource = FlowRunResource.model_validate({**body, "status": None})
    config = compile_run(resource, lookup_in(*WORLD), install.places()).config
    assert config is not None
    data = {"config.json": json.dumps(config.manifest())}
    return {"kind": "ConfigMap", "metadata": {"name": "monday-run"}, "data": data}


def in_queue(body: Object, state: QueueState | None = None, *, away: str = "") -> Object:
    """What the runs server says of the run, as plans look it up."""
    run_id = f"news/{body['metadata']['name']}/{body['metadata']['uid']}"
    found: Object = {"away": away} if away else {"state": state}
    return {"kind": QUEUED, "metadata": {"name": run_id}, **found}


def planned(
    body: Object,
    *others: Object,
    children: dict[Key, ChildSnapshot] | None = None,
    install: Installation = INSTALL,
    now: datetime = NOW,
) -> Plan:
    """What the next pass would do in the whole world, with the run's config frozen if it has begun."""
    kept = [frozen(body, install)] if begun().keys() & (children or {}).keys() else []
    return plan_in(body, *WORLD, *kept, *others, children=children, install=install, now=now)


def kinds(plan: Plan) -> list[str] | None:
    """The children that the plan wants, Jobs by name."""
    if plan.desired is None:
        return None
    return [each["metadata"]["name"] if each["kind"] == "Job" else each["kind"] for each in plan.desired]


def job_of(plan: Plan) -> Any:
    """The spec of the one Job that the plan wants."""
    (found,) = [each["spec"] for each in plan.desired or () if each["kind"] == "Job"]
    return found


def seen_of(body: Object, children: dict[Key, ChildSnapshot] | None = None, **seen: Any) -> Observation:
    """What the pass would say afterwards."""
    return observe(FlowRunResource.model_validate(body), children or {}, ObservedExtras(**seen))


def pod(words: object) -> Object:
    """A pod that ended with these last words."""
    message = words if isinstance(words, str) else json.dumps(words)
    ended = {"terminated": {"message": message, "finishedAt": "2026-03-02T08:59:00Z"}}
    return {"status": {"containerStatuses": [{"name": "run", "state": ended}]}}
