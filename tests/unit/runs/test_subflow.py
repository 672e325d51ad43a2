"""Flows within flows: their own store and parameters, their results, failures, attempts and checkpoints."""

import asyncio
from typing import Any

import pytest

from agent_runtime.durable.port import RunStore
from agent_runtime.runs.outcome import RunError
from tests.clocks import eventually
from tests.unit.runs import functions
from tests.unit.runs.bench import Bench, agent, config, flow, llm, python, then

RUN = "news/r1/u1"
SUB = flow(
    llm("plan", "${params.topic}", next={"default": "write"}),
    agent("write", "bob", "${shared.plan}"),
    params={"topic": {"type": "string"}, "tone": {"default": "dry"}},
    result="${params.tone}: ${shared.write}",
)


def sub(name: str = "sub", of: str = "sub", **fields: Any) -> dict[str, Any]:
    return {"name": name, "flow": of, "input": {"topic": "${shared.plan}"}, **fields}


async def test_it_has_a_store_and_parameters_of_its_own(bench: Bench) -> None:
    nodes = then(llm("plan", "bees"), sub(), llm("end", "${shared.plan} / ${shared.sub}"))
    outcome = await bench.run(config(*nodes, flows={"sub": SUB}, params={"tone": "outer"}))
    assert outcome.result == "about about bees / dry: bob says about about bees"
    assert [node.name for node in outcome.nodes] == ["plan", "sub", "sub/plan", "sub/write", "end"]
    assert bench.agents.keys == [f"{RUN}:sub/write:1"]


async def test_its_last_output_is_its_result_when_it_names_none(bench: Bench) -> None:
    child = {key: value for key, value in SUB.items() if key != "result"}
    outcome = await bench.run(config(*then(llm("plan", "bees"), sub()), flows={"sub": child}))
    assert outcome.result == "bob says about about bees"


async def test_a_process_that_ends_within_it_goes_on_there(bench: Bench, store: RunStore) -> None:
    inner = flow(
        python("a", "double", {"n": "${params.n}"}, next={"default": "gate"}),
        {"name": "gate", "approve": {"prompt": "${shared.a}?"}, "next": {"approve": "b"}},
        python("b", "double", {"n": "${shared.a + params.n}"}),
        params={"n": {"type": "integer"}},
    )
    middle = flow({"name": "in", "flow": "inner", "input": {"n": "${params.n * 10}"}}, params={"n": {}})
    nodes = (
        {"name": "mid", "flow": "middle", "input": {"n": 1}, "next": {"default": "end"}},
        llm("end", "${shared.mid}"),
    )
    run = config(*nodes, flows={"inner": inner, "middle": middle})
    functions.calls.clear()
    outcome = await bench.run(run)
    assert outcome.waiting is not None
    assert (outcome.waiting.node, outcome.waiting.prompt) == ("mid/in/gate", "20?")
    assert [(node.name, node.state) for node in outcome.nodes] == [
        ("mid", "Waiting"),
        ("mid/in", "Waiting"),
        ("mid/in/a", "Succeeded"),
        ("mid/in/gate", "Waiting"),
    ]
    outcome = await bench.run(run, {"node": "mid/in/gate", "action": "approve"})
    assert (outcome.result, outcome.resumed_from) == ("about 60", "mid/in/gate")
    assert functions.calls == [10, 30], "the first node did not run again"
    latest = await store.latest(RUN)
    assert latest is not None
    assert b"$flows" not in latest.body, "nothing of the inner flows is left"


@pytest.mark.parametrize(
    ("child", "node", "message"),
    [
        (flow(llm("plan", "break")), "sub/plan", 'Model "fast" failed as its script says: out of ink'),
        (
            flow(llm("plan", "hi", next={"default": "plan"}), maxSteps=3),
            "sub",
            'Flow "sub" made 3 visits, its maxSteps, without an end: raise it, or end the loop',
        ),
        (
            flow(llm("plan", "hi"), params={"topic": {"type": "integer"}}),
            "sub",
            'input.topic: Flow "sub": "bees" is not of type "integer"',
        ),
        (
            flow(llm("plan", "hi"), result="${shared.nobody}"),
            "sub",
            "result: expression 'shared.nobody' failed",
        ),
    ],
)
async def test_its_failure_is_the_runs_or_takes_the_way_of_failures(
    bench: Bench, child: dict[str, Any], node: str, message: str
) -> None:
    child = {"params": {"topic": {}}, **child}
    plain = {"name": "sub", "flow": "sub", "input": {"topic": "bees"}}
    outcome = await bench.run(config(plain, flows={"sub": child}))
    assert outcome.error is not None
    assert outcome.error.node == node
    assert outcome.error.message.startswith(message)
    nodes = ({**plain, "next": {"failed": "tell"}}, python("tell", "echo", {"value": "${shared.sub.error}"}))
    outcome = await bench.run(config(*nodes, flows={"sub": child}, name="r2"))
    assert outcome.result.startswith(message)


async def test_another_attempt_begins_the_flow_anew(bench: Bench) -> None:
    bench.agents.failures = 2
    child = flow(
        python("a", "double", {"n": 1}, next={"default": "b"}), agent("b", "flaky", "${string(shared.a)}")
    )
    functions.calls.clear()
    node = {"name": "sub", "flow": "sub", "retry": {"maxAttempts": 3, "wait": "7s"}}
    leg = asyncio.ensure_future(bench.run(config(node, flows={"sub": child})))
    await eventually(lambda: bench.clock.sleeps.count(7.0) == 1)
    bench.clock.advance(7)
    await eventually(lambda: bench.clock.sleeps.count(7.0) == 2)
    bench.clock.advance(7)
    outcome = await leg
    assert (outcome.error, outcome.result) == (None, "flaky says 2")
    assert functions.calls == [1, 1, 1]
    assert bench.agents.keys == [f"{RUN}:sub/b:{visit}" for visit in (1, 1, 1)]
    assert [(node.name, node.visits) for node in outcome.nodes] == [("sub", 3), ("sub/a", 3), ("sub/b", 1)]


async def test_after_the_last_attempt_the_flow_has_failed(bench: Bench) -> None:
    node = {"name": "sub", "flow": "sub", "retry": {"maxAttempts": 2, "wait": "1ms"}}
    leg = asyncio.ensure_future(bench.run(config(node, flows={"sub": flow(llm("a", "break"))})))
    await eventually(lambda: 0.001 in bench.clock.sleeps)
    bench.clock.advance(1)
    outcome = await leg
    assert outcome.error == RunError("sub/a", 'Model "fast" failed as its script says: out of ink')


async def test_a_loop_visits_it_again_with_a_fresh_store(bench: Bench) -> None:
    child = flow(
        {"name": "first", "branch": [{"when": "has(shared.a)", "action": "again"}], "next": {"default": "a"}},
        llm("a", "new"),
    )
    nodes = (
        {"name": "sub", "flow": "sub", "next": {"default": "gate"}},
        {"name": "gate", "approve": {"prompt": "?", "actions": ["more", "done"]}, "next": {"more": "sub"}},
    )
    answers: list[dict[str, Any]] = [
        {"node": "gate", "action": "more"},
        {"node": "gate", "visit": 2, "action": "done"},
    ]
    outcome = await bench.run(config(*nodes, flows={"sub": child}), *answers)
    assert outcome.error is None
    assert {node.name: node.visits for node in outcome.nodes} == {
        "sub": 2,
        "sub/first": 2,
        "sub/a": 2,
        "gate": 2,
    }
