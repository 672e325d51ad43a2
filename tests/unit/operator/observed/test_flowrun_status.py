"""What a run's status says at every point of its life, in Jobs of its own."""

from typing import Any

import orjson
import pytest

from agent_runtime.runs.queue.port import QueueState, Wanted
from covey_operator.conditions import Condition
from covey_operator.controller.status import condition_of, status_of
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.observed.seen import Kept
from covey_operator.plan import Plan
from covey_operator.runs.concurrency import QueuePosition
from covey_operator.runs.queue_rows import ASK_AGAIN, InQueue
from tests.unit.operator.run_worlds import (
    APPROVAL,
    ITEMS,
    TIME,
    answers,
    begun,
    job,
    pod,
    run,
    seen_of,
)
from tests.unit.operator.worlds import Object

Children = dict[Key, ChildSnapshot]
STARTED: dict[str, Any] = {"startTime": "2026-03-02T08:50:00Z"}
EARLIER = "2026-03-02T09:00:00Z"
ENDING = {"type": "Succeeded", "status": "False", "reason": "Cancelled", "message": "spec.cancel is true"}
ENDED = begun() | job("monday-run", "Complete", **STARTED)
OUTCOME: Object = {
    "result": {"title": "Bees"},
    "nodes": [{"name": "ask", "state": "Succeeded", "action": "default", "visits": 1}],
    "usage": {"inputTokens": 3, "outputTokens": 4},
}


@pytest.mark.parametrize(
    ("body", "children", "phase", "reason"),
    [
        pytest.param(run(), {}, "Queued", "Starting", id="new"),
        pytest.param(run({"suspend": True}), {}, "Queued", "Suspended", id="new, and suspended"),
        pytest.param(run(), job("monday-run"), "Queued", "Starting", id="no pod yet"),
        pytest.param(run(), job("monday-run", active=1), "Running", "Running", id="under way"),
        pytest.param(
            run(phase="Running", leg=1),
            job("monday-run", failed=1, **STARTED),
            "Running",
            "Running",
            id="its pod was killed",
        ),
        pytest.param(
            run(phase="Running", leg=1),
            job("monday-run", **STARTED),
            "Running",
            "Running",
            id="its pod was evicted, which counts for nothing",
        ),
        pytest.param(
            run(phase="Running", leg=1), job("monday-run"), "Queued", "Starting", id="its Job was made again"
        ),
        pytest.param(
            run({"suspend": True}, phase="Running", leg=1),
            job("monday-run", suspend=True),
            "Waiting",
            "Suspended",
            id="suspended",
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=APPROVAL),
            ENDED,
            "Waiting",
            "WaitingForApproval",
            id="asks a person",
        ),
        pytest.param(
            run({"suspend": True}, phase="Waiting", leg=1, waiting=APPROVAL),
            ENDED,
            "Waiting",
            "WaitingForApproval",
            id="suspended, and asks a person first",
        ),
        pytest.param(
            run(
                {**answers(("review", 1, "print")), "suspend": True},
                phase="Waiting",
                leg=1,
                waiting=APPROVAL,
            ),
            ENDED,
            "Waiting",
            "Suspended",
            id="answered, and suspended",
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=TIME), ENDED, "Waiting", "WaitingForTime", id="lets time pass"
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=ITEMS),
            ENDED | job("monday-run-1-map", active=3),
            "Waiting",
            "WaitingForItems",
            id="items at work",
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=APPROVAL),
            ENDED | job("monday-run-2", active=1),
            "Running",
            "Running",
            id="went on",
        ),
    ],
)
def test_where_a_run_stands(body: Object, children: Children, phase: str, reason: str) -> None:
    found = seen_of(body, children)
    assert found.outcome is not None
    assert (found.fields["phase"], found.outcome.status, found.outcome.reason) == (phase, "Unknown", reason)


def test_a_leg_that_went_on_no_longer_says_what_it_waited_for() -> None:
    found = seen_of(run(phase="Waiting", leg=1, waiting=APPROVAL), job("monday-run-2"))
    assert (found.fields["waiting"], found.fields["leg"], found.fields["job"]) == (None, 2, "monday-run-2")


def test_a_run_in_line_says_which_limit_it_waits_for() -> None:
    turn = QueuePosition('Flow "report" (spec.run.maxConcurrent)', 5, 12)
    found = seen_of(run(), turn=turn)
    assert found.outcome is not None
    assert (found.fields["phase"], found.outcome.reason) == ("Queued", "AtCapacity")
    assert found.outcome.message == (
        'Flow "report" (spec.run.maxConcurrent) may have 5 runs under way at once, and has them: '
        "about 10 come before this one"
    )


def test_a_question_comes_with_the_line_that_answers_it() -> None:
    found = seen_of(run(phase="Waiting", leg=1, waiting=APPROVAL), ENDED)
    assert found.outcome is not None
    assert found.outcome.message == (
        'node "review" asks: Print it? Answer it with: kubectl patch flowrun monday -n news --type json -p '
        '\'[{"op":"add","path":"/spec/answers","value":[{"node":"review","visit":1,"action":"print"}]}]\' '
        '(or drop instead of "print")'
    )


def test_a_further_answer_is_added_to_those_that_were_given() -> None:
    given = answers(("review", 1, "drop"))
    body = run(
        given,
        phase="Waiting",
        leg=2,
        waiting={**APPROVAL, "visit": 2, "until": TIME["until"]},
        nodes=[{"name": "review", "state": "Waiting", "visits": 2}],
    )
    found = seen_of(body, begun())
    assert found.outcome is not None
    assert found.outcome.reason == "WaitingForApproval"
    assert '"path":"/spec/answers/-"' in found.outcome.message
    assert 'node "review" asks, until 2026-03-02T09:10:00Z: ' in found.outcome.message


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("review", 1, "burn"), 'visit 1: "burn" is no answer, it offers print, drop'),
        (("reveiw", 1, "print"), 'nobody has asked for the answer to node "reveiw", visit 1'),
        (("review", 2, "print"), 'nobody has asked for the answer to node "review", visit 2'),
    ],
)
def test_an_answer_that_does_not_fit_is_named(given: tuple[str, int, str], text: str) -> None:
    found = seen_of(run(answers(given), phase="Waiting", leg=1, waiting=APPROVAL), ENDED)
    assert found.outcome is not None
    assert found.outcome.reason == "InvalidAnswer"
    assert text in found.outcome.message


def test_the_longest_question_leaves_room_for_the_line_that_answers_it() -> None:
    asks = {**APPROVAL, "prompt": "why " * 5000, "actions": ["a" * 63, "b" * 63]}
    found = seen_of(run(phase="Waiting", leg=1, waiting=asks), ENDED)
    assert found.outcome is not None
    assert len(found.outcome.message) < 1024


def test_last_words_of_a_leg_that_waits_become_the_wait() -> None:
    words = {**OUTCOME, "result": None, "waiting": {**APPROVAL, "key": "k"}, "resumedFrom": "ask"}
    found = seen_of(run(phase="Running", leg=1), ENDED, pods=[pod(words)])
    wanted = {"phase": "Waiting", "leg": 1, "waiting": APPROVAL, "workedSeconds": 540, "resumedFrom": "ask"}
    assert {name: found.fields[name] for name in wanted} == wanted
    assert "result" not in found.fields
    assert "finishedAt" not in found.fields


JOB = Key("Job", "news", "monday-run")
RUNNING = run(phase="Running", leg=1)


@pytest.mark.parametrize("kept", [Kept(), Kept(away="connection refused")], ids=["not ended", "away"])
def test_a_complete_job_whose_pod_is_gone_is_made_again(kept: Kept) -> None:
    found = seen_of(RUNNING, ENDED, pods=[], kept=kept)
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("Unknown", "OutcomeLost")
    assert (found.fields["phase"], found.fields["leg"], found.again) == ("Running", 1, (JOB,))
    assert "finishedAt" not in found.fields
    assert found.again_in


def test_an_outcome_that_the_run_store_has_is_not_lost() -> None:
    found = seen_of(RUNNING, ENDED, pods=[], kept=Kept(orjson.dumps(OUTCOME)))
    assert (found.fields["phase"], found.fields["result"]) == ("Succeeded", {"title": "Bees"})
    failed = Kept(orjson.dumps({"error": {"node": "ask", "message": "no ink"}}))
    found = seen_of(RUNNING, ENDED, pods=[], kept=failed)
    assert found.outcome is not None
    assert (found.fields["phase"], found.outcome.reason) == ("Failed", "FlowFailed")
    assert found.outcome.message == 'node "ask": no ink'


def test_a_run_that_ended_before_its_job_failed_has_succeeded() -> None:
    children = begun() | job("monday-run", "Failed", **STARTED)
    found = seen_of(RUNNING, children, pods=[], kept=Kept(orjson.dumps(OUTCOME)))
    assert found.fields["phase"] == "Succeeded"
    assert seen_of(RUNNING, children, pods=[], kept=Kept()).fields["phase"] == "Failed"


@pytest.mark.parametrize("pods", [[], [pod("")]], ids=["gone", "without a word"])
def test_a_failed_job_fails_no_run_that_may_have_ended_while_the_run_store_is_away(
    pods: list[Object],
) -> None:
    """Its node was lost after the last node of the flow: the outcome is in the store alone."""
    children = begun() | job("monday-run", "Failed", **STARTED)
    found = seen_of(RUNNING, children, pods=pods, kept=Kept(away="refused"))
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("Unknown", "RunStoreAway")
    assert (found.fields["phase"], found.again, found.again_in) == ("Running", (), ASK_AGAIN)
    assert (
        seen_of(RUNNING, children, pods=pods, kept=Kept(orjson.dumps(OUTCOME))).fields["phase"] == "Succeeded"
    )
    cancelled = seen_of(
        run({"cancel": True}, phase="Running", leg=1), children, pods=pods, kept=Kept(away="x")
    )
    assert cancelled.fields["phase"] in ("Failed", "Cancelled")
    never = {
        "type": "Succeeded",
        "status": "Unknown",
        "reason": "ImagePullFailed",
        "message": "no such image",
    }
    waited = run(phase="Queued", leg=1, conditions=[{**never, "lastTransitionTime": TIME["until"]}])
    assert seen_of(waited, children, pods=pods, kept=Kept(away="refused")).fields["phase"] == "Failed"


@pytest.mark.parametrize(
    ("pods", "kept", "text"),
    [
        ([], None, "there is no run store that has it"),
        ([pod("")], Kept(), "the run store has no outcome of it"),
        ([pod('{"result"')], Kept(), "the pod's last words are no outcome"),
        ([pod('{"result"')], None, "the pod's last words are no outcome"),
    ],
)
def test_an_outcome_that_nobody_has_is_a_failure_that_says_so(
    pods: list[Object], kept: Kept | None, text: str
) -> None:
    found = seen_of(RUNNING, ENDED, pods=pods, kept=kept)
    assert found.outcome is not None
    assert (found.fields["phase"], found.outcome.reason, found.again) == ("Failed", "OutcomeLost", ())
    assert text in found.outcome.message


def test_what_cannot_be_read_is_asked_for_until_the_run_store_answers() -> None:
    found = seen_of(RUNNING, ENDED, pods=[pod("{")], kept=Kept(away="refused"))
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("Unknown", "RunStoreAway")
    assert (found.again, found.again_in) == ((), ASK_AGAIN)


def test_a_cancelled_run_whose_pod_is_gone_is_cancelled() -> None:
    found = seen_of(run({"cancel": True}, phase="Running", leg=1), ENDED, pods=[], kept=Kept())
    assert (found.fields["phase"], found.again) == ("Cancelled", ())


def test_a_wait_of_a_cancelled_run_is_its_end() -> None:
    words = {**OUTCOME, "waiting": APPROVAL}
    found = seen_of(run({"cancel": True}, phase="Running", leg=1), ENDED, pods=[pod(words)])
    assert (found.fields["phase"], found.fields["waiting"]) == ("Cancelled", None)
    at, started = found.fields["finishedAt"], found.fields["startedAt"]
    assert (bool(at), started, found.fields["usage"]) == (True, STARTED["startTime"], OUTCOME["usage"])
    assert "result" not in found.fields


UNDER_WAY: list[Object] = [
    {"name": "ask", "state": "Succeeded", "visits": 1},
    {"name": "review", "state": "Waiting", "visits": 2},
    {"name": "count", "state": "Running", "visits": 1},
]


@pytest.mark.parametrize(
    ("spec", "seen"),
    [
        pytest.param({}, {"verdict": Condition("Succeeded", "False", "JobLost", "it is gone")}, id="verdict"),
        pytest.param(
            {"cancel": True}, {"verdict": Condition("Succeeded", "False", "Cancelled", "")}, id="cancelled"
        ),
        pytest.param({}, {"pods": [pod({**OUTCOME, "error": {"message": "oh"}})]}, id="failed"),
        pytest.param({}, {"pods": [], "kept": Kept()}, id="lost"),
    ],
)
def test_no_node_goes_on_when_its_run_has_ended(spec: Object, seen: Object) -> None:
    found = seen_of(run(spec, phase="Running", leg=1, nodes=UNDER_WAY), ENDED, **seen)
    if found.fields["phase"] == "Running":  # its Job is made again
        assert "nodes" not in found.fields
        return
    nodes = {node["name"]: node for node in found.fields["nodes"]}
    assert [nodes[name]["state"] for name in ("ask", "review", "count")] == [
        "Succeeded",
        "Cancelled",
        "Cancelled",
    ]
    assert nodes["review"].get("finishedAt") == found.fields.get("finishedAt")


def ended_in_queue(wanted: Wanted, outcome: bytes | None) -> InQueue:
    state = QueueState("r", "news/report", "Ended", wanted, 1, None, outcome, None)
    return InQueue("r", "news/report", state)


CANCELLED = {"cancel": True}
WAITED = {**OUTCOME, "waiting": APPROVAL}
VERDICT = Condition("Succeeded", "False", "ConfigLost", "it is gone")


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        pytest.param(run(phase="Running", leg=1), {"pods": [pod(OUTCOME)]}, id="succeeded"),
        pytest.param(run(phase="Running", leg=1), {"pods": [pod({"error": "x"})]}, id="failed"),
        pytest.param(run(phase="Running", leg=1), {"pods": []}, id="outcome lost"),
        pytest.param(run(CANCELLED, phase="Running", leg=1), {"pods": []}, id="cancelled, nothing known"),
        pytest.param(
            run(CANCELLED, phase="Running", leg=1), {"pods": [pod(WAITED)]}, id="cancelled in a wait"
        ),
        pytest.param(run(phase="Waiting", leg=1), {"verdict": VERDICT}, id="by a verdict"),
        pytest.param(
            run(phase="Running", leg=1), {"queued": ended_in_queue("Cancel", None)}, id="queue, cancelled"
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=APPROVAL),
            {"queued": ended_in_queue("Cancel", orjson.dumps(WAITED))},
            id="queue, cancelled in a wait",
        ),
        pytest.param(
            run(phase="Running", leg=1), {"queued": ended_in_queue("Run", None)}, id="queue, no outcome"
        ),
        pytest.param(
            run(phase="Cancelled", leg=1, conditions=[{**ENDING, "lastTransitionTime": EARLIER}]),
            {},
            id="by a version that did not say when",
        ),
    ],
)
def test_each_end_says_when_it_was_and_is_finished(body: Object, seen: dict[str, Any]) -> None:
    found = seen_of(body, ENDED, **seen)
    now = "2026-03-02T10:00:00Z"
    status = status_of(body, Plan(None), found, [], rolls_out=False, now=now)
    assert condition_of(status, "Finished")["status"] == "True"
    if body["status"]["phase"] == "Cancelled":
        assert status["finishedAt"] == EARLIER
    assert status["finishedAt"] is not None


@pytest.mark.parametrize("status", [{"ready": 0}, {"terminating": 1}], ids=["", "its pod ends"])
def test_a_job_that_takes_its_pods_away_before_it_fails_keeps_why_none_came_up(
    status: Object,
) -> None:
    said = {"type": "Succeeded", "status": "Unknown", "reason": "ImagePullFailed", "message": "no such host"}
    time = {"observedGeneration": 1, "lastTransitionTime": "2026-03-02T08:50:00Z"}
    body = run(phase="Queued", leg=1, conditions=[{**said, **time}])
    found = seen_of(body, begun() | job("monday-run", "FailureTarget", **STARTED, **status))
    assert found.outcome is not None
    assert (found.outcome.reason, found.outcome.message) == ("ImagePullFailed", "no such host")
    assert found.fields["phase"] == "Queued"


def test_what_legs_worked_and_used_adds_up() -> None:
    body = run(phase="Running", leg=1, workedSeconds=60, startedAt="2026-03-01T00:00:00Z")
    found = seen_of(body, ENDED, pods=[pod(OUTCOME)])
    wanted = {
        **OUTCOME,
        "phase": "Succeeded",
        "workedSeconds": 600,
        "startedAt": "2026-03-01T00:00:00Z",
        "finishedAt": "2026-03-02T08:59:00Z",
    }
    assert {name: found.fields[name] for name in wanted} == wanted


def node(number: int, state: str = "Succeeded") -> Object:
    return {
        "name": f"a-node-with-a-name-{number}",
        "state": state,
        "action": "default",
        "visits": 1,
        "attempts": 3,
        "startedAt": "2026-03-02T08:50:00Z",
        "finishedAt": "2026-03-02T08:59:00Z",
    }


def test_a_status_with_200_nodes_stays_small_and_keeps_what_failed_and_what_came_last() -> None:
    nodes = [node(number, "Failed" if number == 3 else "Succeeded") for number in range(200)]
    body = run(phase="Running", leg=1, nodes=nodes[:150])
    words = {**OUTCOME, "result": "r" * 3000, "nodes": nodes[150:]}
    found = seen_of(body, ENDED, pods=[pod(words)])
    names = [each["name"] for each in found.fields["nodes"]]
    assert len(orjson.dumps(found.fields)) + 1024 + 500 < 10 * 1024
    assert names[0].endswith("-3")
    assert names[-1].endswith("-199")


def test_nodes_of_earlier_legs_are_not_forgotten_by_later_ones() -> None:
    body = run(phase="Running", leg=1, nodes=[node(1), {**node(2, "Waiting"), "visits": 1}])
    later = {**OUTCOME, "nodes": [{"name": node(2)["name"], "state": "Succeeded", "visits": 1}]}
    found = seen_of(body, ENDED, pods=[pod(later)])
    assert [(each["name"], each["state"]) for each in found.fields["nodes"]] == [
        (node(1)["name"], "Succeeded"),
        (node(2)["name"], "Succeeded"),
    ]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Cancelled"])
def test_a_run_that_has_ended_says_the_same_for_ever(phase: str) -> None:
    said = {"type": "Succeeded", "status": "False", "reason": "Cancelled", "message": "spec.cancel is true"}
    found = seen_of(run(phase=phase, conditions=[said]), job("monday-run", active=1))
    assert found.fields == {}
    assert found.outcome is not None
    assert (found.outcome.reason, found.outcome.message) == (said["reason"], said["message"])
