"""Nodes that wait: for a person, and for the clock."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from agent_runtime.runs.outcome import NodeOutcome, RunError, Waiting
from agent_runtime.runs.worker.updates import NodeStates
from tests.clocks import START, eventually
from tests.unit.runs.bench import Bench, config, llm

APPROVE = {"prompt": "Print ${params.title}?", "timeout": "24h", "actions": ["print", "drop"]}
NEXT = {"print": "print", "drop": "drop"}
REVIEW = {"name": "review", "approve": APPROVE, "next": NEXT}
NODES = (REVIEW, llm("print", "print ${shared.review.comment}"), llm("drop", "drop"))
PARAMS = {"title": "Bees"}


async def test_an_approval_ends_the_process_and_the_answer_starts_another(bench: Bench) -> None:
    outcome = await bench.run(config(*NODES, params=PARAMS))
    assert outcome.waiting == Waiting(
        "Approval", "review", 1, "Print Bees?", ("print", "drop"), "2026-01-06T12:00:00Z"
    )
    assert (outcome.succeeded, outcome.error) == (False, None)
    assert [(node.state, node.finished_at) for node in outcome.nodes] == [("Waiting", None)]
    assert bench.told("run.waiting") == ["waits at review for an answer"]
    answer = {"node": "review", "action": "print", "comment": "in red"}
    outcome = await bench.run(config(*NODES, params=PARAMS), answer)
    assert outcome.result == "about print in red"
    assert [(node.name, node.state, node.action) for node in outcome.nodes] == [
        ("review", "Succeeded", "print"),
        ("print", "Succeeded", "default"),
    ]


async def test_who_answered_is_recorded(bench: Bench) -> None:
    await bench.run(config(*NODES, params=PARAMS))
    answer = {"node": "review", "action": "print", "by": "system:serviceaccount:news:ann"}
    outcome = await bench.run(
        config(REVIEW, llm("print", "by ${shared.review.by}"), NODES[2], params=PARAMS), answer
    )
    assert outcome.result == "about by system:serviceaccount:news:ann"
    assert [node.answered_by for node in outcome.nodes] == ["system:serviceaccount:news:ann", None]
    assert NodeOutcome.from_wire(outcome.nodes[0].wire()) == outcome.nodes[0]
    states = NodeStates("r1")
    for event in bench.events:
        states(event)
    assert states.nodes[0].answered_by == "system:serviceaccount:news:ann"


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([("review", 1, "print"), ("review", 1, "drop")], "about print "),
        ([("review", 1, "burn"), ("review", 1, "drop")], "about drop"),
        ([("review", 2, "drop")], None),
        ([("other", 1, "drop")], None),
        ([("review", 1, "burn")], None),
    ],
)
async def test_the_first_answer_that_fits_counts(
    bench: Bench, answers: list[Any], result: str | None
) -> None:
    given = [{"node": node, "visit": visit, "action": action} for node, visit, action in answers]
    await bench.run(config(*NODES, params=PARAMS))
    outcome = await bench.run(config(*NODES, params=PARAMS), *given)
    assert outcome.result == result
    assert (outcome.waiting is not None) == (result is None)
    burnt = ("review", 1, "burn") in answers
    expected = ['review was answered "burn", which is none of print, drop: it waits on'] if burnt else []
    assert bench.told("run.warning") == expected


async def test_the_time_to_answer_counts_from_the_first_question(bench: Bench) -> None:
    await bench.run(config(*NODES, params=PARAMS))
    bench.clock.advance(3600)
    again = await bench.run(config(*NODES, params=PARAMS))
    assert again.waiting is not None
    assert again.waiting.until == "2026-01-06T12:00:00Z"
    bench.clock.advance(23 * 3600)
    outcome = await bench.run(config(*NODES, params=PARAMS))
    assert outcome.error == RunError(
        "review", "nobody answered within 24h: give the node a next for the action timeout, or more time"
    )


async def test_a_question_that_nobody_answers_has_a_way_of_its_own(bench: Bench) -> None:
    nodes = ({**REVIEW, "next": {**NEXT, "timeout": "drop"}}, *NODES[1:])
    await bench.run(config(*nodes, params=PARAMS))
    bench.clock.advance(24 * 3600)
    outcome = await bench.run(config(*nodes, params=PARAMS))
    assert (outcome.result, outcome.nodes[0].action) == ("about drop", "timeout")


@pytest.mark.parametrize(
    "wait", [{"duration": "2h"}, {"until": "2026-01-05T14:00:00Z"}, {"until": "${params.at}"}]
)
async def test_a_long_wait_ends_the_process_and_is_not_begun_anew(bench: Bench, wait: dict[str, Any]) -> None:
    nodes = ({"name": "pause", "wait": wait, "next": {"default": "go"}}, llm("go", "go"))
    run = config(*nodes, params={"at": "2026-01-05T15:00:00+01:00"})
    for hour in (0, 1):
        outcome = await bench.run(run)
        assert outcome.waiting == Waiting("Time", "pause", 1, until="2026-01-05T14:00:00Z"), hour
        bench.clock.advance(3600)
    assert bench.clock.now() == START + timedelta(hours=2)
    assert (await bench.run(run)).result == "about go"


async def test_a_short_wait_keeps_the_process(bench: Bench) -> None:
    run = config({"name": "pause", "wait": {"duration": "20s"}, "next": {"default": "go"}}, llm("go", "go"))
    leg = asyncio.ensure_future(bench.run(run))
    await eventually(lambda: 20.0 in bench.clock.sleeps)
    bench.clock.advance(20)
    outcome = await leg
    assert (outcome.result, outcome.waiting) == ("about go", None)


async def test_without_a_store_a_wait_keeps_the_process_however_long() -> None:
    bench = Bench()
    outcome = await bench.run(config({"name": "pause", "wait": {"duration": "2h"}}))
    assert (outcome.error, outcome.waiting, bench.clock.sleeps) == (None, None, [7200.0])


async def test_a_wait_until_no_time_at_all_is_refused(bench: Bench) -> None:
    outcome = await bench.run(config({"name": "pause", "wait": {"until": "tea time"}}))
    assert outcome.error == RunError(
        "pause", "wait.until: 'tea time' is no time: want RFC 3339, such as 2026-01-31T12:00:00Z"
    )
