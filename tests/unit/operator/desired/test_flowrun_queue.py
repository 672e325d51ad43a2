"""A run that warm workers run: what the runs server is told, and what the status says of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from agent_runtime.runs.queue.port import QueueState, State, Wanted
from covey_operator.conditions import Condition
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.install.installation import Installation
from covey_operator.kube.keys import Key
from covey_operator.observed.observation import Observation
from covey_operator.plan import Plan
from covey_operator.runs.queue_rows import InQueue
from tests.unit.operator.run_worlds import (
    APPROVAL,
    ITEMS,
    TIME,
    answers,
    begun,
    frozen,
    in_queue,
    job,
    kinds,
    run,
    seen_of,
)
from tests.unit.operator.worlds import FLOW, INSTALL, NOW, WORLD, Object, plan

Children = dict[Key, ChildSnapshot]
SERVED = {**FLOW, "spec": {**FLOW["spec"], "serve": {"replicas": 1}}}
RUN_ID = "news/monday/uid-of-monday"
QUEUE = {"backend": "Queue"}
YES = answers(("review", 1, "print"))
PLACE = InQueue(RUN_ID, "news/report")


def outcome(**told: object) -> bytes:
    usage = {"inputTokens": 1, "outputTokens": 2}
    return orjson.dumps({"result": None, "nodes": [], "usage": usage, **told})


def state(
    now: State, wanted: Wanted = "Run", *, said: bytes | None = None, progress: bytes | None = None
) -> QueueState:
    return QueueState(RUN_ID, "news/report", now, wanted, 1, None, said, progress)


WAITS = state("Suspended", said=outcome(waiting=APPROVAL))
MAPS = state("Suspended", said=outcome(waiting=ITEMS))


def planned(
    body: Object, state: QueueState | None = None, *, jobs: Children | None = None, now: datetime = NOW
) -> Plan:
    """The next pass over a run whose config is frozen, and of which the server says `state`."""
    others = [each for each in WORLD if each is not FLOW]
    there = {**begun(), **(jobs or {})}
    return plan(body, SERVED, *others, frozen(body), in_queue(body, state), children=there, now=now)


def test_a_new_run_is_frozen_and_put_into_the_queue_of_its_flow() -> None:
    others = [each for each in WORLD if each is not FLOW]
    made = plan(run(QUEUE), SERVED, *others)
    assert kinds(made) == ["ConfigMap"]
    assert (made.queued, made.claim and made.claim.under_way) == (PLACE, False)
    assert made.step is not None
    assert (made.step.is_new, made.step.wanted) == (True, "Run")
    told = orjson.loads(made.step.body or b"")
    assert (told["config"]["name"], told["config"]["flowName"], told["answers"]) == ("monday", "report", [])


@pytest.mark.parametrize(
    ("body", "flow", "install", "text"),
    [
        (run(QUEUE), FLOW, INSTALL, 'Flow "report" has no workers that could take the run: set serve in it'),
        (
            run(QUEUE),
            SERVED,
            Installation(replace(INSTALL.settings, run_store=False), INSTALL.key),
            "the backend Queue needs the runs server, which this installation has not",
        ),
    ],
)
def test_a_queue_that_nobody_works_on_is_refused(
    body: Object, flow: Object, install: Installation, text: str
) -> None:
    others = [each for each in WORLD if each is not FLOW]
    made = plan(body, flow, *others, install=install)
    assert made.desired is None
    assert [text in problem.message for problem in made.problems] == [True]


SUSPENDED, CANCELLED = {**QUEUE, "suspend": True}, {**QUEUE, "cancel": True}


@pytest.mark.parametrize(
    ("spec", "found", "told"),
    [
        pytest.param(QUEUE, None, "Run", id="it was never submitted, or lost"),
        pytest.param(SUSPENDED, None, None, id="suspended before it was submitted"),
        pytest.param(QUEUE, state("Waiting"), None, id="in the queue"),
        pytest.param(QUEUE, state("Running"), None, id="with a worker"),
        pytest.param(SUSPENDED, state("Running"), "Suspend", id="to be suspended"),
        pytest.param(SUSPENDED, state("Running", "Suspend"), None, id="the worker has not heard yet"),
        pytest.param(SUSPENDED, state("Suspended", "Suspend"), None, id="suspended"),
        pytest.param(QUEUE, state("Suspended", "Suspend"), "Run", id="to go on"),
        pytest.param(QUEUE, state("Running", "Suspend"), "Run", id="to go on before it was suspended"),
        pytest.param(CANCELLED, state("Running"), "Cancel", id="to be cancelled"),
        pytest.param(CANCELLED, state("Running", "Cancel"), None, id="is being cancelled"),
        pytest.param(CANCELLED, WAITS, "Cancel", id="to be cancelled in a wait"),
        pytest.param(CANCELLED, state("Ended", said=outcome(result=1)), None, id="cancelled too late"),
        pytest.param(QUEUE, WAITS, None, id="asks a person"),
        pytest.param({**QUEUE, **YES}, WAITS, "Run", id="is answered"),
        pytest.param({**SUSPENDED, **YES}, WAITS, None, id="is answered, and suspended"),
        pytest.param(QUEUE, replace(WAITS, wanted="Suspend"), None, id="went on in vain: nobody answered"),
        pytest.param(
            {**QUEUE, **YES}, replace(WAITS, state="Waiting"), None, id="was answered: an old outcome"
        ),
    ],
)
def test_what_the_server_is_told(spec: Object, found: QueueState | None, told: Wanted | None) -> None:
    step = planned(run(spec, phase="Running", leg=1), found).step
    assert (None if step is None else step.wanted) == told


def test_who_is_answered_takes_the_answer_along() -> None:
    step = planned(run({**QUEUE, **YES}, phase="Waiting", leg=1), WAITS).step
    assert step is not None
    assert [each["action"] for each in orjson.loads(step.body or b"")["answers"]] == ["print"]


def test_the_clock_lets_a_run_go_on() -> None:
    naps = state("Suspended", said=outcome(waiting=TIME))
    body = run(QUEUE, phase="Waiting", leg=1)
    assert planned(body, naps).again_in == 600
    due = planned(body, naps, now=NOW + timedelta(minutes=10)).step
    assert due is not None
    assert due.wanted == "Run"


def test_items_have_pods_of_their_own_and_then_the_run_goes_on() -> None:
    body = run(QUEUE, phase="Waiting", leg=2, waiting=ITEMS)
    assert kinds(planned(body, MAPS)) == ["ServiceAccount", "Secret", "ConfigMap", "monday-run-2-map"]
    assert planned(body, MAPS, jobs=job("monday-run-2-map")).step is None
    done = planned(body, MAPS, jobs=job("monday-run-2-map", "Complete"))
    assert done.step is not None
    assert done.step.wanted == "Run"


def test_the_status_knows_of_a_wait_before_its_items_have_a_job() -> None:
    made = planned(run(QUEUE, phase="Running", leg=2), MAPS)
    assert (made.desired, made.again_in) == (None, 0.0)


@pytest.mark.parametrize(
    ("found", "claims"), [(state("Waiting"), True), (state("Running"), True), (WAITS, None)]
)
def test_who_is_in_the_queue_or_with_a_worker_holds_a_slot(found: QueueState, claims: bool | None) -> None:
    claim = planned(run(QUEUE, phase="Running", leg=1), found).claim
    assert (None if claim is None else claim.under_way) == claims


def test_a_server_that_is_away_is_asked_again_and_said_to_be() -> None:
    body, others = run(QUEUE, phase="Running", leg=1), [each for each in WORLD if each is not FLOW]
    away = in_queue(body, away="no route")
    made = plan(body, SERVED, *others, frozen(body), away, children=begun())
    assert (made.step, made.again_in) == (None, 5.0)
    assert made.claim is not None
    assert made.claim.under_way
    found = seen_of(body, begun(), queued=made.queued)
    assert found.outcome == Condition(
        "Succeeded", "Unknown", "RunStoreAway", "the runs server does not answer: no route"
    )
    assert found.fields["phase"] == "Running"


def said(body: Object, found: QueueState | None) -> Observation:
    return seen_of(body, begun(), queued=replace(PLACE, state=found))


@pytest.mark.parametrize(
    ("body", "found", "phase", "reason"),
    [
        (run(QUEUE), None, "Queued", "Starting"),
        (run(SUSPENDED), None, "Queued", "Suspended"),
        (run(QUEUE), state("Waiting"), "Queued", "Starting"),
        (run(QUEUE), state("Running"), "Running", "Running"),
        (run(SUSPENDED), state("Suspended", "Suspend"), "Waiting", "Suspended"),
        (run(QUEUE), WAITS, "Waiting", "WaitingForApproval"),
        (run({**SUSPENDED, **YES}), WAITS, "Waiting", "Suspended"),
        (run(QUEUE), state("Ended", said=outcome(result=1)), "Succeeded", "Succeeded"),
        (run(QUEUE), state("Ended", said=outcome(error={"message": "no"})), "Failed", "FlowFailed"),
        (run(CANCELLED), state("Ended", "Cancel"), "Cancelled", "Cancelled"),
        (run(CANCELLED), replace(WAITS, state="Ended", wanted="Cancel"), "Cancelled", "Cancelled"),
    ],
)
def test_where_a_run_stands(body: Object, found: QueueState | None, phase: str, reason: str) -> None:
    observation = said(body, found)
    assert observation.outcome is not None
    assert (observation.fields["phase"], observation.outcome.reason) == (phase, reason)


def test_each_wait_has_a_leg_of_its_own_also_when_nobody_saw_the_run_between_two() -> None:
    assert said(run(QUEUE, leg=1), WAITS).fields["leg"] == 1
    waits = run(QUEUE, leg=1, waiting=APPROVAL)
    assert said(waits, WAITS).fields["leg"] == 1
    assert said(waits, state("Running")).fields["leg"] == 2
    assert said(waits, MAPS).fields["leg"] == 2


def test_progress_shows_as_nodes() -> None:
    node = {"name": "ask", "state": "Running", "visits": 1, "startedAt": "2026-03-02T08:00:00Z"}
    fields = said(run(QUEUE, leg=1), state("Running", progress=outcome(nodes=[node]))).fields
    assert (fields["nodes"], fields["startedAt"]) == ([node], "2026-03-02T08:00:00Z")
