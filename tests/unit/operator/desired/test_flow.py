"""A Flow's plan: its workers, and which runs of its triggers go."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent_runtime.api.flow import FlowResource
from agent_runtime.auth.tokens import claims_of
from covey_operator.conditions import Replicas
from covey_operator.controller.kinds import KINDS
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.install.installation import RUNS_AUDIENCE, Installation
from covey_operator.kube.keys import Key, key_of
from covey_operator.observed.flow import heard, observe
from covey_operator.observed.seen import ObservedExtras
from tests.unit.operator.worlds import (
    FLOW,
    INSTALL,
    NOW,
    PROVIDER,
    WORLD,
    Object,
    child,
    manifests,
    plan,
    resource,
    secret,
)

SERVED = {**FLOW, "spec": {**FLOW["spec"], "serve": {"replicas": 2, "concurrency": 4}}}
SCHEDULED = {
    **FLOW,
    "spec": {
        **FLOW["spec"],
        "run": {"historyLimit": 2},
        "triggers": [{"cron": {"schedule": "0 6 * * *"}}],
    },
}


def kinds(body: Object, *others: Object) -> list[str]:
    return [each["kind"] for each in manifests(body, *others)]


def test_a_flow_without_workers_is_nothing_in_the_cluster() -> None:
    assert kinds(FLOW, *WORLD) == []


@pytest.mark.parametrize(("replicas", "budget"), [(0, False), (1, False), (2, True)])
def test_workers_are_a_deployment_that_nothing_reaches(replicas: int, budget: bool) -> None:
    served = {**FLOW, "spec": {**FLOW["spec"], "serve": {"replicas": replicas}}}
    wanted = ["ServiceAccount", "ConfigMap", "Secret", "Deployment"]
    wanted += ["PodDisruptionBudget"] if budget else []
    assert kinds(served, *WORLD) == [*wanted, "NetworkPolicy"]
    assert child(served, "Deployment")["spec"]["replicas"] == replicas
    assert child(served, "NetworkPolicy")["spec"]["ingress"] == []


def test_a_workers_token_is_good_for_its_queue_only() -> None:
    token = base64.b64decode(child(SERVED, "Secret")["data"]["token"]).decode()
    claims = claims_of(INSTALL.runs_key(), token, RUNS_AUDIENCE)
    assert (claims["sub"], claims["role"]) == ("news/report", "worker")


def test_workers_have_the_secrets_of_every_run_that_they_may_take() -> None:
    (container,) = child(SERVED, "Deployment")["spec"]["template"]["spec"]["containers"]
    sources = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in container["env"]
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    assert sources == {
        "COVEY_RUN_TOKEN": {"name": "report-flow", "key": "token"},
        "COVEY_MODEL_PAID_API_KEY": {"name": "provider", "key": "api-key"},
        "COVEY_AGENT_RESEARCHER_TOKEN": {"name": "researcher-agent", "key": "token"},
    }


def test_workers_roll_when_a_secret_of_theirs_changes() -> None:
    def config_hash(*world: Object) -> str:
        template = child(SERVED, "Deployment", *world)["spec"]["template"]
        return str(template["metadata"]["annotations"]["covey.dev/config-hash"])

    rotated = tuple(each for each in WORLD if each is not PROVIDER)
    assert config_hash(*WORLD) == config_hash(*WORLD)
    assert config_hash(*WORLD) != config_hash(*rotated, secret("provider", **{"api-key": "sk-2"}))


def test_workers_need_the_run_store() -> None:
    without = Installation(replace(INSTALL.settings, run_store=False), INSTALL.key)
    found = plan(SERVED, *WORLD, install=without)
    (problem,) = found.problems
    assert (problem.condition, problem.reason, problem.field) == ("Accepted", "InvalidSpec", "spec.serve")
    assert "runs.enabled=true, or remove serve" in problem.message
    assert plan(FLOW, *WORLD, install=without).problems == ()


def test_a_broken_flow_leaves_its_workers_and_makes_no_runs() -> None:
    served = {**SCHEDULED, "spec": {**SCHEDULED["spec"], "serve": {}}}
    found = plan(served, now=NOW + timedelta(days=1))
    assert found.problems
    assert (found.desired, found.creates, found.listens_for, found.fields) == (None, (), None, {})


def run(name: str, time: str | None, **status: object) -> Object:
    """One that the schedule made for that time."""
    labels = {"covey.dev/flow": "report", "covey.dev/trigger": "cron-x"}
    annotations = {"covey.dev/scheduled-time": time} if time else {"covey.dev/artifact": "a1"}
    owner = {"kind": "Flow", "name": "report", "uid": "uid-of-report", "controller": True}
    metadata = {"labels": labels, "annotations": annotations, "ownerReferences": [owner]}
    return {**resource("FlowRun", name, {"flow": {"name": "report"}}, **metadata), "status": status}


def made(*runs: Object) -> dict[Key, ChildSnapshot]:
    return {key_of(each): ChildSnapshot.of(each) for each in runs}


def ended(name: str, hour: int) -> Object:
    at = f"2026-03-01T{hour:02}:00:00Z"
    return run(name, at, phase="Succeeded", finishedAt=at)


def test_of_ended_runs_the_newest_stay() -> None:
    runs = made(*(ended(f"report-{hour}", hour) for hour in (3, 1, 2, 4)), run("report-5", None))
    found = plan(SCHEDULED, *WORLD, children=runs)
    assert [key.name for key in found.deletes] == ["report-1", "report-2"]


def test_the_parts_of_workers_are_no_runs() -> None:
    workers = made(*(ended(f"report-{hour}", hour) for hour in (1, 2)))
    deployment = {**child(SERVED, "Deployment")}
    deployment["metadata"] = {**deployment["metadata"], "uid": "uid"}
    assert plan(SERVED, *WORLD, children=workers | made(deployment)).deletes == ()


def test_the_status_counts_workers_and_says_how_their_rollout_is() -> None:
    def seen(body: Object, children: dict[Key, ChildSnapshot]) -> Any:
        return observe(FlowResource.model_validate(body), children, ObservedExtras())

    assert seen(FLOW, {}).fields == {"nodes": 2, "readyWorkers": None}
    assert seen(SERVED, {}).rollout.reason == "Creating"
    deployment = child(SERVED, "Deployment")
    deployment["metadata"] = {**deployment["metadata"], "uid": "uid", "generation": 1}
    deployment["status"] = {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "readyReplicas": 2,
    }
    found = seen(SERVED, made(deployment))
    assert (found.fields["readyWorkers"], found.rollout.reason) == (2, "RolledOut")
    assert found.replicas == Replicas(2, 2)
    assert heard(found, "") is found
    deaf = heard(found, 'Blackboard "newsroom": it does not answer')
    assert (deaf.rollout.state, deaf.rollout.reason) == ("Blocked", "NotListening")


@pytest.mark.parametrize(("body", "progressing"), [(FLOW, False), (SERVED, True)])
def test_only_a_flow_with_workers_progresses(body: Object, progressing: bool) -> None:
    assert KINDS["Flow"].rolls_out(body) is progressing
