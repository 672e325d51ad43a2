"""What becomes of a run at every point of its life, in Jobs of its own."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.install.installation import Installation
from covey_operator.kube.keys import Key
from tests.unit.operator.run_worlds import (
    APPROVAL,
    ITEMS,
    TIME,
    answers,
    begun,
    frozen,
    job,
    job_of,
    kinds,
    planned,
    run,
)
from tests.unit.operator.worlds import FLOW, INSTALL, NOW, RUN, WORLD, Object, plan, resource

WHOLE = ["ServiceAccount", "Secret", "ConfigMap"]
WITHOUT_STORE = Installation(replace(INSTALL.settings, run_store=False), INSTALL.key)
YES = answers(("review", 1, "print"))

Children = dict[Key, ChildSnapshot]


@pytest.mark.parametrize(
    ("body", "children", "wanted"),
    [
        pytest.param(run(), {}, [*WHOLE, "monday-run"], id="new"),
        pytest.param(run({"suspend": True}), {}, None, id="new, and suspended"),
        pytest.param(run(), begun() | job("monday-run"), None, id="under way"),
        pytest.param(run(), begun(), [*WHOLE, "monday-run"], id="died between config and Job"),
        pytest.param(run(phase="Running", leg=1), begun(), [*WHOLE, "monday-run"], id="its Job is lost"),
        pytest.param(
            run(phase="Running", leg=3), begun(), [*WHOLE, "monday-run-3"], id="a later Job is lost"
        ),
        pytest.param(run(phase="Succeeded"), begun(), None, id="succeeded"),
        pytest.param(run(phase="Failed"), begun() | job("monday-run", "Failed"), None, id="failed"),
        pytest.param(run({"cancel": True}), {}, [], id="cancelled at once"),
        pytest.param(run({"cancel": True}), begun() | job("monday-run"), [], id="cancelled under way"),
        pytest.param(
            run({"cancel": True}), begun() | job("monday-run", "Complete"), None, id="cancelled too late"
        ),
        pytest.param(
            run({"cancel": True}, phase="Waiting", leg=1, waiting=APPROVAL),
            begun() | job("monday-run", "Complete"),
            [],
            id="cancelled in a wait",
        ),
        pytest.param(
            run({"cancel": True}, phase="Waiting", leg=1, waiting=ITEMS),
            begun() | job("monday-run-1-map"),
            [],
            id="cancelled while items are at work",
        ),
        pytest.param(run(phase="Cancelled"), begun() | job("monday-run"), [], id="was cancelled"),
        pytest.param(run(phase="Waiting", leg=1, waiting=APPROVAL), begun(), None, id="waits for an answer"),
        pytest.param(
            run(YES, phase="Waiting", leg=1, waiting=APPROVAL),
            begun() | job("monday-run", "Complete"),
            [*WHOLE, "monday-run-2"],
            id="is answered",
        ),
        pytest.param(
            run({**YES, "suspend": True}, phase="Waiting", leg=1, waiting=APPROVAL),
            begun(),
            None,
            id="is answered, and suspended",
        ),
        pytest.param(
            run(answers(("review", 2, "print")), phase="Waiting", leg=1, waiting=APPROVAL),
            begun(),
            None,
            id="another visit is answered",
        ),
        pytest.param(
            run(answers(("review", 1, "burn")), phase="Waiting", leg=1, waiting=APPROVAL),
            begun(),
            None,
            id="is answered with what it does not offer",
        ),
        pytest.param(
            run(YES, phase="Waiting", leg=1, waiting=APPROVAL),
            begun() | job("monday-run", "Complete") | job("monday-run-2"),
            None,
            id="died before the status knew of the second leg",
        ),
        pytest.param(run(phase="Waiting", leg=2, waiting=TIME), begun(), None, id="waits for the clock"),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=ITEMS), begun(), [*WHOLE, "monday-run-1-map"], id="items"
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=ITEMS),
            begun() | job("monday-run-1-map"),
            None,
            id="items under way",
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=ITEMS),
            begun() | job("monday-run-1-map", "Complete"),
            [*WHOLE, "monday-run-2"],
            id="items done",
        ),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=ITEMS),
            begun() | job("monday-run-1-map", "Failed"),
            [*WHOLE, "monday-run-2"],
            id="items failed",
        ),
    ],
)
def test_what_is_made_of_a_run(body: Object, children: Children, wanted: list[str] | None) -> None:
    assert kinds(planned(body, children=children)) == wanted


def test_the_clock_ends_a_wait_and_asks_for_a_pass_until_then() -> None:
    body = run(phase="Waiting", leg=2, waiting=TIME)
    assert planned(body, children=begun()).again_in == 600
    due = planned(body, children=begun(), now=NOW + timedelta(minutes=10))
    assert kinds(due) == [*WHOLE, "monday-run-3"]


def test_an_approval_that_nobody_answers_in_time_goes_on() -> None:
    body = run(phase="Waiting", leg=1, waiting={**APPROVAL, "until": TIME["until"]})
    assert planned(body, children=begun()).again_in == 600
    late = planned(body, children=begun(), now=NOW + timedelta(hours=1))
    assert kinds(late) == [*WHOLE, "monday-run-2"]


def test_last_words_are_read_once_and_then_the_next_pass_comes_at_once() -> None:
    ended = planned(run(phase="Running", leg=1), children=begun() | job("monday-run", "Complete"))
    assert (ended.pods_of, ended.again_in) == ("monday-run", 0.0)
    known = planned(
        run(phase="Waiting", leg=1, waiting=APPROVAL), children=begun() | job("monday-run", "Complete")
    )
    assert known.pods_of is None


def test_jobs_of_earlier_legs_go_when_a_later_one_stands() -> None:
    children = begun() | job("monday-run", "Complete") | job("monday-run-1-map", "Complete")
    is_applied = planned(run(phase="Running", leg=2), children=children | job("monday-run-2"))
    assert {key.name for key in is_applied.deletes} == {"monday-run", "monday-run-1-map"}


def test_jobs_of_other_names_are_nobodys_leg() -> None:
    other = resource("FlowRun", "monday-run", RUN["spec"])
    assert kinds(plan(other, *WORLD, children=job("monday-run-2"))) == [*WHOLE, "monday-run-run"]


@pytest.mark.parametrize(
    ("suspend", "is_held", "held"),
    [(True, False, True), (True, True, None), (False, True, False), (False, False, None)],
)
@pytest.mark.parametrize("name", ["monday-run", "monday-run-1-map"])
def test_suspending_holds_the_job_that_is_at_work(
    name: str, suspend: bool, is_held: bool, held: bool | None
) -> None:
    waiting: Object = {"waiting": ITEMS} if name.endswith("-map") else {}
    body = run({"suspend": suspend}, phase="Running", leg=1, **waiting)
    made = planned(body, children=begun() | job(name, suspend=is_held))
    assert made.held == ({} if held is None else {Key("Job", "news", name): held})
    assert made.desired is None


@pytest.mark.parametrize(
    ("body", "children", "claims"),
    [
        pytest.param(run(), {}, False, id="new: it asks"),
        pytest.param(run({"suspend": True}), {}, None, id="suspended before its start"),
        pytest.param(run(), begun() | job("monday-run"), True, id="under way: it holds a slot"),
        pytest.param(run({"suspend": True}), begun() | job("monday-run"), None, id="to be suspended"),
        pytest.param(run(), begun() | job("monday-run", suspend=True), False, id="to go on: it asks"),
        pytest.param(run(phase="Waiting", leg=1, waiting=APPROVAL), begun(), None, id="waits"),
        pytest.param(run(YES, phase="Waiting", leg=1, waiting=APPROVAL), begun(), False, id="answered"),
        pytest.param(
            run(phase="Waiting", leg=1, waiting=ITEMS), begun() | job("monday-run-1-map"), True, id="items"
        ),
        pytest.param(run(), begun() | job("monday-run", "Complete"), None, id="its Job has ended"),
        pytest.param(run({"cancel": True}), begun() | job("monday-run"), None, id="cancelled"),
        pytest.param(run(phase="Succeeded"), begun(), None, id="ended"),
    ],
)
def test_who_holds_a_slot_and_who_asks_for_one(body: Object, children: Children, claims: bool | None) -> None:
    """None: neither; False: asks; True: holds."""
    claim = planned(body, children=children).claim
    assert (None if claim is None else claim.under_way) == claims


def test_a_claim_names_the_flow_its_limit_and_the_age_of_the_run() -> None:
    limited = {**FLOW, "spec": {**FLOW["spec"], "run": {"maxConcurrent": 3}}}
    body = {**RUN, "metadata": {**RUN["metadata"], "creationTimestamp": "2026-03-01T00:00:00Z"}}
    others = [each for each in WORLD if each is not FLOW]
    claim = plan(body, limited, *others).claim
    assert claim is not None
    assert (claim.flow, claim.limit, claim.since) == ("report", 3, "2026-03-01T00:00:00Z")


@pytest.mark.parametrize(
    ("children", "reason"),
    [(begun(), "JobLost"), ({}, "ConfigLost")],
    ids=["no store to go on from", "no config to go on with"],
)
def test_what_cannot_go_on_ends(children: Children, reason: str) -> None:
    body = run(phase="Running", leg=1)
    made = planned(body, children=children, install=WITHOUT_STORE)
    assert made.verdict is not None
    assert (made.verdict.reason, made.fields["finishedAt"]) == (reason, "2026-03-02T09:00:00Z")


def test_a_job_that_is_made_again_is_told_of() -> None:
    made = planned(run(phase="Running", leg=1), children=begun())
    assert [notice.reason for notice in made.notices] == ["JobLost"]


def test_a_later_leg_is_made_from_what_was_frozen_and_not_from_the_flow_as_it_is_now() -> None:
    body = run(YES, phase="Waiting", leg=1, waiting=APPROVAL, workedSeconds=600)
    changed = {**FLOW, "spec": {**FLOW["spec"], "run": {"backoffLimit": 99}}}
    made = planned(body, changed, children=begun())
    first = job_of(planned(run()))
    later = job_of(made)
    assert (first["backoffLimit"], later["backoffLimit"]) == (2, 2)
    assert (first["activeDeadlineSeconds"], later["activeDeadlineSeconds"]) == (1800, 1200)
    assert (
        environment(later)["COVEY_ANSWERS"] == '[{"node":"review","visit":1,"action":"print","comment":""}]'
    )


def environment(job_spec: Object) -> dict[str, object]:
    env = job_spec["template"]["spec"]["containers"][0]["env"]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in env}


def test_pods_bring_the_token_of_their_run_and_of_no_other() -> None:
    made = planned(run())
    (secret,) = [each for each in made.desired or () if each["kind"] == "Secret"]
    assert secret["immutable"] is True
    assert environment(job_of(made))["COVEY_RUN_TOKEN"] == {
        "secretKeyRef": {"name": "monday-run", "key": "token"}
    }


def test_without_a_store_there_is_no_token() -> None:
    made = planned(run(), install=WITHOUT_STORE)
    assert kinds(made) == ["ServiceAccount", "ConfigMap", "monday-run"]
    assert "COVEY_RUN_TOKEN" not in environment(job_of(made))


def test_answers_that_do_not_fit_an_environment_are_cut_and_the_one_that_is_waited_for_is_not() -> None:
    many = [{"node": f"n{n}", "visit": 1, "action": "x", "comment": "é" * 2048} for n in range(63)]
    spec = {"answers": [*many, {"node": "review", "visit": 1, "action": "print"}]}
    body = run(spec, phase="Waiting", leg=1, waiting=APPROVAL)
    text = environment(job_of(planned(body, children=begun())))["COVEY_ANSWERS"]
    assert isinstance(text, str)
    assert len(text.encode()) < 128 * 1024
    assert orjson.loads(text)[0]["node"] == "review"


def test_every_item_has_a_pod_and_every_item_is_tried() -> None:
    spec = job_of(planned(run(phase="Waiting", leg=1, waiting=ITEMS), children=begun()))
    wanted = {
        "completions": 30,
        "parallelism": 4,
        "completionMode": "Indexed",
        "backoffLimitPerIndex": 2,
        "maxFailedIndexes": 30,
        "podReplacementPolicy": "Failed",
    }
    assert {name: spec[name] for name in wanted} == wanted
    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["Ignore", "FailIndex"]
    arguments = spec["template"]["spec"]["containers"][0]["args"]
    assert arguments[0] == "item"
    assert arguments[3:9] == ["--path", "ask", "--visit", "2", "--generation", "7"]


@pytest.mark.parametrize(
    ("minutes", "deletes", "again_in"), [(5, (), 300.0), (10, (Key("FlowRun", "news", "monday"),), None)]
)
def test_a_run_goes_when_its_time_to_live_is_over(
    minutes: int, deletes: tuple[Key, ...], again_in: float | None
) -> None:
    body = run(phase="Succeeded", finishedAt="2026-03-02T09:00:00Z")
    made = planned(body, now=NOW + timedelta(minutes=minutes))
    assert (made.deletes, made.again_in) == (deletes, again_in)


def test_a_run_whose_flow_is_gone_lives_as_long_as_the_flow_said() -> None:
    body = run(phase="Succeeded", finishedAt="2026-03-02T09:00:00Z")
    others = [each for each in WORLD if each is not FLOW]
    made = plan(body, *others, frozen(body), children=begun(), now=NOW + timedelta(minutes=4))
    assert made.again_in == 360


def test_a_run_of_a_flow_that_says_nothing_stays() -> None:
    body = run(phase="Succeeded", finishedAt="2026-03-02T09:00:00Z")
    made = plan(body, {**FLOW, "spec": {**FLOW["spec"], "run": {}}}, now=NOW + timedelta(days=400))
    assert (made.deletes, made.again_in) == ((), None)
