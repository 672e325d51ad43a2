"""A declared flow, run in one process: kinds of nodes, routing, retries, fallbacks, bounds, what is told."""

import asyncio
from typing import Any

import pytest

from agent_runtime.models.port import Usage
from agent_runtime.runs.outcome import NodeOutcome, Outcome
from tests.unit.runs.bench import Bench, agent, config, llm

NOON = "2026-01-05T12:00:00Z"


class Ran(Bench):
    """A bench without a store."""

    async def flow(self, *nodes: dict[str, Any], **fields: Any) -> Outcome:
        return await self.run(config(*nodes, **fields))


def ended(name: str, state: str, action: str | None, visits: int, **more: Any) -> NodeOutcome:
    return NodeOutcome(name, state, action, visits, started_at=NOON, finished_at=NOON, **more)


async def test_a_chain_passes_on_what_each_node_yields() -> None:
    ran = Ran()
    outcome = await ran.flow(
        llm("plan", "${params.topic}", next={"default": "ask"}),
        agent("ask", "bob", "say: ${shared.plan}", output="said", next={"default": "count"}),
        {"name": "count", "tool": {"builtin": "calculator"}, "input": {"expression": "${params.n} * 2"}},
        params={"topic": "bees", "n": 21},
        result="${shared.said} ${shared.count.value}",
    )
    assert outcome == Outcome(
        "bob says say: about bees 42",
        (
            ended("plan", "Succeeded", "default", 1),
            ended("ask", "Succeeded", "default", 1),
            ended("count", "Succeeded", "default", 1),
        ),
        Usage(2, 3),
    )
    assert ran.agents.asked == [("bob", "say: about bees")]


@pytest.mark.parametrize(
    ("node", "result"),
    [
        (llm("a", "a list please"), ["bees", "ants"]),
        (llm("a", "hello", input={"k": [1]}), 'about hello\n\n{"k":[1]}'),
        (agent("a", "bob", {"k": 1}), 'bob says {"k":1}'),
        (agent("a", "typed", "hi"), {"score": 7}),
        (agent("a", "echo", ' {"to": "billing"}\n'), {"to": "billing"}),
        (agent("a", "echo", '["a", 1]'), ["a", 1]),
        (agent("a", "echo", '{"a": NaN}'), '{"a": NaN}'),
        (agent("a", "echo", "[18446744073709551616]"), "[18446744073709551616]"),
        (agent("a", "echo", "7"), "7"),
        ({"name": "a", "tool": {"builtin": "clock"}}, {"weekday": "Monday"}),
        ({"name": "a", "branch": [{"when": "true", "action": "x"}]}, None),
    ],
)
async def test_without_a_result_of_its_own_the_flow_yields_its_last_output(
    node: dict[str, Any], result: Any
) -> None:
    outcome = await Ran().flow(node)
    assert outcome.error is None
    if isinstance(result, dict):
        assert {key: outcome.result[key] for key in result} == result
    else:
        assert outcome.result == result


@pytest.mark.parametrize(
    ("score", "result"), [(9, "about good"), (5, "about fair"), (1, "about poor"), (-1, -1)]
)
async def test_a_branch_takes_the_first_condition_that_holds(score: int, result: Any) -> None:
    outcome = await Ran().flow(
        {
            "name": "score",
            "tool": {"builtin": "calculator"},
            "input": {"expression": "0 + ${params.score}"},
            "next": {"default": "judge"},
        },
        {
            "name": "judge",
            "branch": [
                {"when": "params.score < 0", "action": "leave"},
                {"when": "shared.score.value > 7", "action": "good"},
                {"when": "shared.score.value > 3", "action": "fair"},
            ],
            "next": {"good": "good", "fair": "fair", "default": "poor"},
        },
        llm("good", "good"),
        llm("fair", "fair"),
        llm("poor", "poor"),
        params={"score": score},
    )
    assert (outcome.result["value"] if score < 0 else outcome.result) == result


async def test_a_condition_on_text_where_json_was_meant_says_what_it_met() -> None:
    branch = {"name": "pick", "branch": [{"when": "shared.route.to == 'billing'", "action": "b"}]}
    outcome = await Ran().flow(agent("route", "echo", "To billing.", next={"default": "pick"}), branch)
    assert outcome.error is not None
    assert outcome.error.message.endswith("shared.route is the text \"To billing.\", which has no 'to'")


async def test_a_loop_counts_its_visits_and_ends_at_the_step_limit() -> None:
    loop = llm("again", "hello", next={"default": "again"})
    outcome = await Ran().flow(loop, maxSteps=5)
    assert outcome.nodes == (ended("again", "Succeeded", "default", 5),)
    assert outcome.error is not None
    assert outcome.error.node == ""
    assert outcome.error.message.startswith("the run made 5 visits, the flow's maxSteps, without an end")


async def test_a_node_is_tried_again_as_often_as_it_says() -> None:
    ran = Ran()
    ran.agents.failures = 2
    retry = {"maxAttempts": 3, "wait": "1ms"}
    outcome = await ran.flow(agent("ask", "flaky", "hi", retry=retry))
    assert outcome.result == "flaky says hi"
    assert len(ran.agents.asked) == 3

    ran = Ran()
    ran.agents.failures = 3
    outcome = await ran.flow(agent("ask", "flaky", "hi", retry=retry))
    assert outcome.error is not None
    assert (outcome.error.node, outcome.error.message) == ("ask", "flaky is away")
    assert outcome.nodes == (ended("ask", "Failed", None, 1, attempts=3),)


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"fallback": {"value": "never mind"}}, "never mind"),
        ({"next": {"failed": "sorry"}}, "about sorry"),
        ({"next": {"failed": "sorry"}, "fallback": {"value": 1}}, "about sorry"),
        ({"next": {"default": "sorry"}, "fallback": {"value": 1}}, "about sorry"),
    ],
)
async def test_a_failure_has_a_fallback_or_a_way_of_its_own(fields: dict[str, Any], result: Any) -> None:
    nodes = [llm("try", "break", **fields)]
    if "next" in fields:
        nodes.append(llm("sorry", "sorry"))
    outcome = await Ran().flow(*nodes)
    assert outcome.result == result


async def test_what_went_wrong_is_there_for_the_node_that_deals_with_it() -> None:
    outcome = await Ran().flow(
        llm("try", "break", next={"failed": "tell"}), llm("tell", "${shared.try.error}")
    )
    assert 'Model "fast" failed as its script says' in outcome.result


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (llm("a", "break"), 'Model "fast" failed as its script says: out of ink'),
        (llm("a", "${shared.nobody}"), "expression 'shared.nobody' failed"),
        (agent("a", "bob", None), "there is nothing to ask the agent: set the node's input"),
        (agent("a", "slow", "hi", timeout="20ms"), "no result within 0.02s: raise the node's timeout"),
        (
            {"name": "a", "tool": {"builtin": "calculator"}, "input": {"expression": "1/0"}},
            "'1/0' divides by zero",
        ),
        (
            {"name": "a", "tool": {"builtin": "calculator"}, "input": "1+1"},
            "must be an object of its arguments",
        ),
        ({"name": "a", "tool": {"builtin": "list_files"}}, "the input folder /nowhere"),
        (
            {"name": "a", "branch": [{"when": "shared.x > 1", "action": "x"}]},
            "expression 'shared.x > 1' failed",
        ),
    ],
)
async def test_a_failure_names_the_node_and_the_cure(node: dict[str, Any], message: str) -> None:
    outcome = await Ran().flow(node)
    assert outcome.error is not None
    assert outcome.error.node == "a"
    assert message in outcome.error.message
    assert not outcome.succeeded


async def test_a_run_ends_at_its_deadline() -> None:
    outcome = await Ran().flow(agent("wait", "slow", "hi"), run={"deadline": "20ms"})
    assert outcome.error is not None
    assert "deadline of 0.02s" in outcome.error.message
    assert outcome.nodes[0].state == "Failed"


async def test_a_result_that_cannot_be_made_is_the_runs_failure_not_a_nodes() -> None:
    outcome = await Ran().flow(llm("a", "hi"), result="${shared.nobody}")
    assert outcome.error is not None
    assert (outcome.error.node, outcome.nodes[0].state) == ("", "Succeeded")


async def test_what_is_told_of_a_run() -> None:
    ran = Ran()
    await ran.flow(llm("a", "hi", next={"default": "b"}), llm("b", "break"))
    assert [(event.kind, event.subject, event.message) for event in ran.events] == [
        ("run.started", "r1", "runs flow report"),
        ("run.node", "r1", "a running"),
        ("run.node", "r1", "a succeeded"),
        ("run.node", "r1", "b running"),
        ("run.node", "r1", "b failed"),
        ("run.finished", "r1", 'failed at b: Model "fast" failed as its script says: out of ink'),
    ]


async def test_one_config_runs_many_times_at_once() -> None:
    ran = Ran()
    outcomes = await asyncio.gather(
        *(ran.flow(agent("ask", "bob", "${params.n}"), params={"n": n}) for n in range(20))
    )
    assert [outcome.result for outcome in outcomes] == [f"bob says {n}" for n in range(20)]


async def test_an_end_that_nobody_asked_for_is_said() -> None:
    asks = {
        "name": "a",
        "branch": [{"when": "params.n > 1", "action": "more"}],
        "next": {"more": "b"},
    }
    bench = Bench()
    outcome = await bench.run(config(asks, llm("b", "x"), params={"n": 1}))
    assert outcome.succeeded
    assert outcome.note == (
        'ended at node "a": the action "default" has no next, so that the run ends there; its next has more'
    )
    assert Outcome.from_wire(outcome.wire()).note == outcome.note
    assert [event.message for event in bench.events if event.kind == "run.warning"] == [outcome.note]
    assert (await bench.run(config(asks, llm("b", "x"), params={"n": 2}))).note == ""
