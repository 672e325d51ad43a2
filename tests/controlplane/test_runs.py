"""Flows and their runs in a real API server. The Job's controller and pod are played."""

import json

import pytest

from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, Refused, says_of, until
from tests.controlplane.played import end_job, start_job
from tests.controlplane.process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

OUTCOME = {
    "result": {"title": "Bees"},
    "nodes": [{"name": "write", "state": "Succeeded", "action": "default", "visits": 1}],
    "usage": {"inputTokens": 12, "outputTokens": 34},
}


def llm_node(name: str, **fields: object) -> Object:
    return {"name": name, "llm": {"model": {"name": "fast"}, "prompt": "Go."}, **fields}


WRONG_FLOWS: list[tuple[str, Object, str, str]] = [
    (
        "points nowhere",
        {"start": "a", "nodes": [llm_node("a", next={"default": "b"})]},
        "UnknownNode",
        'there is no node "b"',
    ),
    (
        "starts nowhere",
        {"start": "z", "nodes": [llm_node("a")]},
        "UnknownNode",
        'there is no node "z"',
    ),
    (
        "is never reached",
        {"start": "a", "nodes": [llm_node("a"), llm_node("b")]},
        "UnreachableNode",
        'node "b" is never reached',
    ),
    (
        "has a wrong expression",
        {"start": "a", "nodes": [llm_node("a", input="${nobody.knows}")]},
        "InvalidExpression",
        "nobody",
    ),
]


@pytest.mark.parametrize(
    ("spec", "reason", "text"), [case[1:] for case in WRONG_FLOWS], ids=[case[0] for case in WRONG_FLOWS]
)
def test_a_wrong_flow_is_not_accepted(api: Api, spec: Object, reason: str, text: str) -> None:
    api.apply(make.model(), make.flow(**spec))
    assert text in says_of(api, "Flow", "report", reason)["message"]


def test_two_nodes_of_one_name_are_refused_at_the_door(api: Api) -> None:
    with pytest.raises(Refused, match="duplicate entries for key"):
        api.apply(make.flow(start="a", nodes=[llm_node("a"), llm_node("a")]))


def test_an_unknown_field_is_refused_at_the_door(api: Api) -> None:
    with pytest.raises(Refused, match="strat"):
        api.apply(make.flow(strat="a"))


def started(api: Api, name: str = "monday") -> Object:
    return until("the Job", lambda: api.get("Job", f"{name}-run"))


def phase(api: Api, wanted: str, name: str = "monday") -> Object:
    def reached() -> Object | None:
        status: Object = api.there("FlowRun", name).get("status") or {}
        return status if status.get("phase") == wanted else None

    return until(f"phase {wanted}", reached)


def test_a_run_becomes_a_job_and_its_pods_last_words_the_status(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    job = started(api)["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"], job["ttlSecondsAfterFinished"]) == (
        3,
        3600,
        3600,
    )
    assert phase(api, "Pending")["job"] == "monday-run"
    start_job(api, "monday-run")
    assert phase(api, "Running")["startedAt"] == "2026-01-05T12:00:00Z"
    end_job(api, "monday-run", json.dumps(OUTCOME))
    status = phase(api, "Succeeded")
    assert {name: status[name] for name in OUTCOME} == OUTCOME
    assert status["finishedAt"] == "2026-01-05T12:01:00Z"
    assert says_of(api, "FlowRun", "monday", "Succeeded", top="Succeeded")["status"] == "True"


def test_a_flow_that_fails_says_where_and_why(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    words = {**OUTCOME, "result": None, "error": {"node": "write", "message": "the model said no"}}
    end_job(api, "monday-run", json.dumps(words), failed="PodFailurePolicy")
    said = says_of(api, "FlowRun", "monday", "FlowFailed", top="Succeeded")
    assert (said["status"], said["message"]) == ("False", 'node "write": the model said no')
    assert phase(api, "Failed")["nodes"] == OUTCOME["nodes"]


def test_a_crash_shows_the_end_of_the_log(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    end_job(api, "monday-run", "Killed: out of memory", failed="BackoffLimitExceeded")
    said = says_of(api, "FlowRun", "monday", "BackoffLimitExceeded", top="Succeeded")
    assert said["message"] == "the pod crashed: Killed: out of memory"


def test_a_run_waits_for_its_flow_and_for_what_the_flow_needs(api: Api) -> None:
    api.apply(make.flow_run())
    said = says_of(api, "FlowRun", "monday", "FlowNotFound", top="Succeeded")
    assert said["status"] == "Unknown"
    api.apply(make.flow())
    says_of(api, "FlowRun", "monday", "FlowNotReady", top="Succeeded")
    api.apply(make.model())
    started(api)


def test_wrong_params_are_named(api: Api) -> None:
    api.apply(make.model(), make.flow(params={"topic": {"type": "string"}}))
    api.apply(make.flow_run(params={"topic": 7, "tone": "dry"}))
    said = says_of(api, "FlowRun", "monday", "InvalidParams", top="Succeeded")
    assert "spec.params.tone: the flow has no such parameter, it has topic" in said["message"]
    assert api.list("Job") == []


def test_editing_the_flow_does_not_change_a_run_under_way(api: Api, operator: OperatorProcess) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    phase(api, "Running")
    before = (api.there("ConfigMap", "monday-run"), api.there("Job", "monday-run"))
    passes = operator.passes("FlowRun")
    api.apply(make.flow(result="another"), make.model(reply="another"))
    api.edit("FlowRun", "monday", {"metadata": {"annotations": {"look": "again"}}})
    until("another pass over the run", lambda: operator.passes("FlowRun") > passes)
    assert (api.there("ConfigMap", "monday-run"), api.there("Job", "monday-run")) == before
    with pytest.raises(Refused, match="immutable"):
        api.edit("ConfigMap", "monday-run", {"data": {"config.json": "{}"}})


def test_cancelling_takes_the_job_away_for_good(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    phase(api, "Running")
    api.edit("FlowRun", "monday", {"spec": {"cancel": True}})
    phase(api, "Cancelled")
    until("no Job", lambda: api.get("Job", "monday-run") is None)
    with pytest.raises(Refused, match="a cancelled run cannot be taken back"):
        api.edit("FlowRun", "monday", {"spec": {"cancel": False}})


def test_a_finished_run_never_starts_again(api: Api, operator: OperatorProcess) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    end_job(api, "monday-run", json.dumps(OUTCOME))
    before = phase(api, "Succeeded")
    api.delete("Job", "monday-run")  # as its time to live would
    until("no Job", lambda: api.get("Job", "monday-run") is None)
    operator.stop()
    operator.start()
    until("a pass over the run", lambda: operator.passes("FlowRun"))
    assert api.list("Job") == []
    assert phase(api, "Succeeded") == before


def test_a_job_that_vanished_before_its_outcome_was_read_is_not_started_again(
    api: Api, operator: OperatorProcess
) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    phase(api, "Running")
    operator.kill()
    api.delete("Job", "monday-run")
    until("no Job", lambda: api.get("Job", "monday-run") is None)
    operator.start()
    said = says_of(api, "FlowRun", "monday", "JobLost", top="Succeeded")
    assert "create another FlowRun to run again" in said["message"]
    assert api.list("Job") == []
