"""Flows and their runs in a real API server. The Job's controller and pod are played."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from hack.cluster.control_plane.control_plane import ControlPlane
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


def started(api: Api, name: str = "monday", leg: int = 1) -> Object:
    job = f"{name}-run" if leg == 1 else f"{name}-run-{leg}"
    return until(f"Job {job}", lambda: api.get("Job", job))


def phase(api: Api, wanted: str, name: str = "monday") -> Object:
    def reached() -> Object | None:
        status: Object = api.there("FlowRun", name).get("status") or {}
        return status if status.get("phase") == wanted else None

    return until(f"phase {wanted}", reached)


def test_a_run_becomes_a_job_and_its_pods_last_words_the_status(api: Api, operator: OperatorProcess) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    job = started(api)["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"], job["ttlSecondsAfterFinished"]) == (
        3,
        3600,
        3600,
    )
    assert phase(api, "Queued")["job"] == "monday-run"
    start_job(api, "monday-run")
    assert phase(api, "Running")["startedAt"] == "2026-01-05T12:00:00Z"
    end_job(api, "monday-run", json.dumps(OUTCOME))
    status = phase(api, "Succeeded")
    assert {name: status[name] for name in OUTCOME} == OUTCOME
    assert status["finishedAt"] == "2026-01-05T12:01:00Z"
    assert says_of(api, "FlowRun", "monday", "Succeeded", top="Succeeded")["status"] == "True"
    ended = ("covey_runs_ended_total", ("report", api.namespace, "Succeeded"))
    assert until("the run to be counted", lambda: operator.metrics().get(ended)) == 1


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


def test_a_job_that_vanished_is_made_again_and_told_of(api: Api, operator: OperatorProcess) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    phase(api, "Running")
    operator.kill()
    lost = api.there("Job", "monday-run")["metadata"]["uid"]
    api.delete("Job", "monday-run")
    until("no Job", lambda: api.get("Job", "monday-run") is None)
    operator.start()
    assert started(api)["metadata"]["uid"] != lost
    until("an event", lambda: told(api, "JobLost"))
    start_job(api, "monday-run")
    end_job(api, "monday-run", json.dumps(OUTCOME))
    phase(api, "Succeeded")


def told(api: Api, reason: str) -> list[Object]:
    events = api.request("GET", f"/apis/events.k8s.io/v1/namespaces/{api.namespace}/events")["items"]
    return [each for each in events if each["reason"] == reason]


def test_a_config_that_vanished_ends_the_run(api: Api, operator: OperatorProcess) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    waits_for(api, APPROVAL)
    api.delete("ConfigMap", "monday-run")
    until("it is noticed", lambda: phase(api, "Failed"))
    said = says_of(api, "FlowRun", "monday", "ConfigLost", top="Succeeded")
    assert "ConfigMap monday-run" in said["message"]


APPROVAL: Object = {
    "for": "Approval",
    "node": "write",
    "visit": 1,
    "prompt": "Print it?",
    "actions": ["print", "drop"],
}
ITEMS: Object = {"for": "Map", "node": "write", "visit": 1, "count": 3, "parallelism": 2, "generation": 5}


def waits_for(api: Api, waiting: Object, job: str = "monday-run") -> Object:
    """The leg's pod ends to wait; returns the status that says so."""
    until(f"Job {job}", lambda: api.get("Job", job))
    start_job(api, job)
    end_job(api, job, json.dumps({**OUTCOME, "result": None, "waiting": waiting}))

    def waits() -> Object | None:
        status: Object = api.there("FlowRun", "monday").get("status") or {}
        return status if status.get("waiting") == waiting else None

    return until("the wait is in the status", waits)


def answer(api: Api, *actions: str, node: str = "write") -> None:
    """Answers of a person, all that there are so far, to the visits of a node in their order."""
    given = [{"node": node, "visit": visit, "action": action} for visit, action in enumerate(actions, 1)]
    api.edit("FlowRun", "monday", {"spec": {"answers": given}})


def test_a_run_that_asks_goes_on_with_the_answer_in_a_job_of_its_own(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    status = waits_for(api, APPROVAL)
    assert (status["phase"], status["leg"], status["workedSeconds"]) == ("Waiting", 1, 60)
    said = says_of(api, "FlowRun", "monday", "WaitingForApproval", top="Succeeded")
    assert f"kubectl patch flowrun monday -n {api.namespace} --type json" in said["message"]
    answer(api, "print")
    spec = started(api, "monday", leg=2)["spec"]
    env = {each["name"]: each for each in spec["template"]["spec"]["containers"][0]["env"]}
    (given,) = json.loads(env["COVEY_ANSWERS"]["value"])
    assert (given["node"], given["action"]) == ("write", "print")
    assert spec["activeDeadlineSeconds"] == 3600 - 60
    until("the first leg's Job has gone", lambda: api.get("Job", "monday-run") is None)
    start_job(api, "monday-run-2")
    end_job(api, "monday-run-2", json.dumps(OUTCOME))
    ended = phase(api, "Succeeded")
    assert (ended["leg"], ended["job"], ended.get("waiting")) == (2, "monday-run-2", None)


def test_the_line_that_is_shown_answers(api: Api, control_plane: ControlPlane) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    waits_for(api, APPROVAL)
    message = says_of(api, "FlowRun", "monday", "WaitingForApproval", top="Succeeded")["message"]
    line = message.partition("Answer it with: kubectl ")[2].rpartition(" (or ")[0]
    control_plane.kubectl(*shlex.split(line))
    started(api, leg=2)


def test_an_answer_is_given_once_and_never_changed(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    waits_for(api, APPROVAL)
    answer(api, "print")
    answer(api, "print")
    started(api, leg=2)
    for actions in (("drop",), ()):
        with pytest.raises(Refused, match="an answer that was given cannot be changed or taken back"):
            answer(api, *actions)
    assert {each["metadata"]["name"] for each in api.list("Job")} <= {"monday-run", "monday-run-2"}


def test_an_answer_that_is_not_offered_is_named_and_can_be_changed(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    waits_for(api, APPROVAL)
    answer(api, "burn")
    said = says_of(api, "FlowRun", "monday", "InvalidAnswer", top="Succeeded")
    assert '"burn" is no answer, it offers print, drop: change it in spec.answers' in said["message"]
    assert api.get("Job", "monday-run-2") is None
    answer(api, "print")
    started(api, leg=2)


def test_the_clock_ends_a_wait(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    soon = (datetime.now(UTC) + timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    waits_for(api, {"for": "Time", "node": "write", "visit": 1, "until": soon})
    started(api, leg=2)
    assert datetime.now(UTC) >= datetime.fromisoformat(soon)


def test_items_have_a_job_of_their_own(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    waits_for(api, ITEMS)
    items = until("the items' Job", lambda: api.get("Job", "monday-run-1-map"))["spec"]
    assert (items["completions"], items["parallelism"], items["maxFailedIndexes"]) == (3, 2, 3)
    says_of(api, "FlowRun", "monday", "WaitingForItems", top="Succeeded")
    start_job(api, "monday-run-1-map")
    end_job(api, "monday-run-1-map", "", failed="FailedIndexes")
    started(api, leg=2)
    until("the items' Job has gone", lambda: api.get("Job", "monday-run-1-map") is None)


def test_a_run_that_is_suspended_stops_and_goes_on(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run(suspend=True))
    says_of(api, "FlowRun", "monday", "Suspended", top="Succeeded")
    assert (phase(api, "Queued")["phase"], api.list("Job")) == ("Queued", [])
    suspend(api, False)
    started(api)
    start_job(api, "monday-run")
    phase(api, "Running")
    suspend(api, True)
    until("the Job is held", lambda: api.there("Job", "monday-run")["spec"]["suspend"])
    says_of(api, "FlowRun", "monday", "Suspended", top="Succeeded")
    assert phase(api, "Waiting")["job"] == "monday-run"
    suspend(api, False)
    until("the Job goes on", lambda: not api.there("Job", "monday-run")["spec"]["suspend"])
    phase(api, "Running")


def suspend(api: Api, wanted: bool) -> None:
    api.edit("FlowRun", "monday", {"spec": {"suspend": wanted}})


@pytest.mark.parametrize("moment", ["waits", "items", "suspended"])
def test_a_run_can_be_cancelled_at_any_moment(api: Api, moment: str) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    started(api)
    match moment:
        case "waits":
            waits_for(api, APPROVAL)
        case "items":
            waits_for(api, ITEMS)
            until("the items' Job", lambda: api.get("Job", "monday-run-1-map"))
        case "suspended":
            suspend(api, True)
            until("the Job is held", lambda: api.there("Job", "monday-run")["spec"].get("suspend"))
    api.edit("FlowRun", "monday", {"spec": {"cancel": True}})
    assert phase(api, "Cancelled").get("waiting") is None
    until("no Job", lambda: api.list("Job") == [])


def test_a_run_goes_when_its_time_to_live_is_over(api: Api) -> None:
    api.apply(make.model(), make.flow(run={"ttlAfterFinished": "1s"}), make.flow_run())
    started(api)
    start_job(api, "monday-run")
    end_job(api, "monday-run", json.dumps(OUTCOME))
    until("the run has gone", lambda: api.get("FlowRun", "monday") is None)
    until("its Job has gone", lambda: api.get("Job", "monday-run") is None)


def test_only_so_many_runs_of_a_flow_are_under_way(api: Api) -> None:
    api.apply(make.model(), make.flow(run={"maxConcurrent": 1}))

    def is_seen(name: str) -> bool:
        return bool((api.there("FlowRun", name).get("status") or {}).get("phase"))

    for name in ("monday", "tuesday", "wednesday"):
        api.apply(make.flow_run(name))
        until(f"{name} is seen", partial(is_seen, name))
    started(api)
    said = says_of(api, "FlowRun", "tuesday", "AtCapacity", top="Succeeded")
    assert 'Flow "report" (spec.run.maxConcurrent) may have 1 run under way at once' in said["message"]
    assert len(api.list("Job")) == 1
    waits_for(api, APPROVAL)  # who waits holds no slot
    started(api, "tuesday")
    answer(api, "print")
    says_of(api, "FlowRun", "monday", "AtCapacity", top="Succeeded")
    api.delete("FlowRun", "tuesday")
    started(api, leg=2)  # the oldest comes first
    says_of(api, "FlowRun", "wednesday", "AtCapacity", top="Succeeded")
    api.apply(make.flow(run={"maxConcurrent": 2}))
    started(api, "wednesday")


def test_a_settled_run_costs_no_write(
    api: Api, control_plane: ControlPlane, operator: OperatorProcess
) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    waits_for(api, APPROVAL)
    says_of(api, "FlowRun", "monday", "WaitingForApproval", top="Succeeded")
    operator.stop()
    since = len(control_plane.writes("covey-operator"))
    operator.start()
    until("a pass over the run", lambda: operator.passes("FlowRun"))
    later = control_plane.writes("covey-operator")[since:]
    assert [each for each in later if each.namespace == api.namespace] == []
