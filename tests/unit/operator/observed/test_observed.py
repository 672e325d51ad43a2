"""From children to what is said: rollouts, runs, conditions."""

from dataclasses import replace
from typing import Any

import pytest

from agent_runtime.compile.result import Problem
from covey_operator import conditions
from covey_operator.conditions import Condition, Refusal, Rollout
from covey_operator.controller.status import differs, status_of
from covey_operator.observed.observation import Observation
from covey_operator.observed.workloads import rollout
from covey_operator.plan import Plan
from covey_operator.runs.outcome import last_words
from tests.unit.operator.worlds import AGENT, RUN, Object

NOW, EARLIER = "2026-01-05T12:00:00Z", "2026-01-01T00:00:00Z"


def workload(wanted: int = 2, generation: int = 3, **status: object) -> Object:
    up_to_date: Object = {
        "observedGeneration": generation,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "availableReplicas": wanted,
    }
    return {"generation": generation, "replicas": wanted, "status": {**up_to_date, **status}}


LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}


@pytest.mark.parametrize(
    ("state", "expected", "text"),
    [
        (None, ("Progressing", "Creating"), "is being created"),
        (workload(), ("Done", "RolledOut"), "2 of 2 pods are available"),
        (workload(0), ("Done", "RolledOut"), "0 of 0 pods"),
        (workload(observedGeneration=2), ("Progressing", "RollingOut"), "not been taken up yet"),
        (workload(updatedReplicas=1), ("Progressing", "RollingOut"), "1 of 2 pods are of the newest version"),
        (workload(availableReplicas=1), ("Progressing", "RollingOut"), "1 are available"),
        (workload(replicas=3), ("Progressing", "RollingOut"), "1 old pods are still there"),
        (workload(availableReplicas=1, conditions=[LATE]), ("Blocked", "RolloutFailed"), "too late"),
        (workload(updatedReplicas=0, conditions=[QUOTA]), ("Blocked", "QuotaExceeded"), "exceeded quota"),
    ],
)
def test_rolled_out_is_more_than_available(
    state: Object | None, expected: tuple[str, str], text: str
) -> None:
    found = rollout("Deployment d", state)
    assert (found.state, found.reason) == expected
    assert text in found.message


MISSING = Problem("ResolvedRefs", "ModelNotFound", 'Model "fast" not found')
INVALID = Problem("Accepted", "UnknownType", "no such type")
TAKEN = Refusal("NameTaken", "somebody has it")
DONE, ROLLING = Rollout("Done", "RolledOut"), Rollout("Progressing", "RollingOut", "1 of 2")
SUSPENDED = Rollout("Suspended", "Suspended")


@pytest.mark.parametrize(
    ("problems", "refusals", "state", "expected"),
    [
        ((), [], DONE, {"Progressing": ("False", "RolledOut"), "Ready": ("True", "RolledOut")}),
        ((), [], ROLLING, {"Progressing": ("True", "RollingOut"), "Ready": ("False", "RollingOut")}),
        ((), [], SUSPENDED, {"Progressing": ("False", "Suspended"), "Ready": ("False", "Suspended")}),
        ((), [TAKEN], DONE, {"Progressing": ("False", "Blocked"), "Ready": ("False", "NameTaken")}),
        (
            (MISSING,),
            [],
            DONE,
            {"ResolvedRefs": ("False", "ModelNotFound"), "Ready": ("False", "ModelNotFound")},
        ),
        (
            (INVALID, MISSING),
            [],
            DONE,
            {
                "Accepted": ("False", "UnknownType"),
                "ResolvedRefs": ("False", "ModelNotFound"),
                "Ready": ("False", "UnknownType"),
            },
        ),
    ],
)
def test_ready_is_computed_from_the_rest(
    problems: tuple[Problem, ...],
    refusals: list[Refusal],
    state: Rollout,
    expected: dict[str, tuple[str, str]],
) -> None:
    observation = Observation(rollout=state)
    status = status_of(AGENT, Plan(None, problems), observation, refusals, rolls_out=True, now=NOW)
    said = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
    assert list(said) == ["Accepted", "ResolvedRefs", "Progressing", "Ready"]
    assert {name: said[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (replace(DONE, message="1 of 1"), "1 of 1; mind the gap"),
        (replace(ROLLING, message="0 of 1"), "0 of 1"),
    ],
)
def test_what_is_worth_knowing_is_said_when_nothing_else_is(state: Rollout, message: str) -> None:
    plan = Plan(None, caveat="mind the gap")
    status = status_of(AGENT, plan, Observation(rollout=state), [], rolls_out=True, now=NOW)
    assert status["conditions"][-1]["message"] == message


def test_a_run_that_cannot_start_says_why_and_one_that_ended_keeps_its_word() -> None:
    waiting = Observation(outcome=Condition("Succeeded", "Unknown", "Starting"))
    ended = Observation(outcome=Condition("Succeeded", "True", "Succeeded"))

    def reason(observation: Observation) -> str:
        plan = Plan(None, (MISSING,))
        status = status_of(RUN, plan, observation, [], rolls_out=False, now=NOW)
        return str(status["conditions"][-1]["reason"])

    assert reason(waiting) == "ModelNotFound"
    assert reason(ended) == "Succeeded"


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    before = [
        {"type": "Ready", "status": "False", "reason": "RollingOut", "lastTransitionTime": EARLIER},
        {"type": "Accepted", "status": "True", "reason": "Valid", "lastTransitionTime": EARLIER},
    ]
    said = [
        Condition("Ready", "True", "RolledOut"),
        Condition("Accepted", "True", "Valid"),
        Condition("New", "True", "Yes"),
    ]
    merged = {each["type"]: each["lastTransitionTime"] for each in conditions.merge(before, said, 4, NOW)}
    assert merged == {"Ready": NOW, "Accepted": EARLIER, "New": NOW}


def test_a_long_message_is_cut_to_what_the_crd_allows() -> None:
    (merged,) = conditions.merge([], [Condition("Ready", "False", "Because", "x" * 5000)], 1, NOW)
    assert len(merged["message"]) == 1024


@pytest.mark.parametrize(
    ("before", "wanted", "news"),
    [
        ({"a": 1}, {"a": 1}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1}, {"a": 2}, True),
        ({}, {"a": None}, False),
        ({"a": 1}, {"a": None}, True),
    ],
)
def test_a_status_is_written_only_when_it_is_news(before: Object, wanted: Object, news: bool) -> None:
    assert differs(before, wanted) is news


def pod(message: str, finished_at: str = NOW, exit_code: int = 0, container: str = "run") -> dict[str, Any]:
    ended = {"terminated": {"message": message, "finishedAt": finished_at, "exitCode": exit_code}}
    return {"status": {"containerStatuses": [{"name": container, "state": ended}]}}


@pytest.mark.parametrize(
    ("pods", "fields", "error"),
    [
        ([], {}, ""),
        ([pod("")], {}, ""),
        (
            [pod('{"result": 1}')],
            {"result": 1, "usage": {"inputTokens": 0, "outputTokens": 0}},
            "",
        ),
        ([pod('{"result": 1}', EARLIER), pod("Killed")], {}, "the pod crashed: Killed"),
        ([pod("[]")], {}, "the pod crashed: []"),
        ([pod('{"nodes": [{"name": "a", "state": "Odd"}]}')], {}, "the pod crashed: "),
    ],
    ids=["no pod", "silent", "result", "the latest counts", "no object", "no outcome"],
)
def test_the_pods_last_words_become_the_outcome(pods: list[Object], fields: Object, error: str) -> None:
    found = last_words(pods)
    assert found.fields == fields
    assert found.error.startswith(error)
    assert bool(found.error) is bool(error)


@pytest.mark.parametrize(
    ("pods", "gone"),
    [
        ([], True),
        ([{"status": {}}], True),
        ([pod("Killed", exit_code=137)], True),
        ([pod('{"result": 1}', container="istio-proxy")], True),
        ([pod("")], False),
        ([pod('{"result": 1')], False),
        ([pod('{"result": 1}', exit_code=137), pod("")], False),
    ],
    ids=[
        "none",
        "no container",
        "only one that crashed",
        "another container",
        "silent",
        "cut",
        "crashed, silent",
    ],
)
def test_words_that_are_missing_are_no_outcome_of_a_complete_job(pods: list[Object], gone: bool) -> None:
    found = last_words(pods, complete=True)
    assert found.trouble
    assert found.gone is gone
    assert found.fields == {}


def test_the_words_of_a_pod_that_succeeded_count_whatever_others_said_later() -> None:
    pods = [pod('{"result": 1}', EARLIER), pod("Killed", NOW, exit_code=137), pod("x", container="proxy")]
    found = last_words(pods, complete=True)
    assert (found.fields["result"], found.trouble) == (1, "")


def test_an_error_names_its_node() -> None:
    assert last_words([pod('{"error": {"node": "ask", "message": "no"}}')]).error == 'node "ask": no'
    assert last_words([pod('{"error": {"message": "no"}}')]).error == "no"
