"""Mapped nodes: in the process, in Jobs, and with a flow for each item."""

import asyncio
from typing import Any

import pytest

from agent_runtime.config.load import ConfigError
from agent_runtime.durable.port import LeaseLost, RunStore
from agent_runtime.models.port import Usage
from agent_runtime.runs.item import Place, node_at
from tests.clocks import eventually
from tests.unit.runs import functions
from tests.unit.runs.bench import Bench, agent, config, flow, llm, python

RUN = "news/r1/u1"
OVER = {"over": "${params.ns}", "as": "n"}

BREAKS = "python tests.unit.runs.functions:odd_breaks"
"""How the errors of that function begin."""


@pytest.fixture(autouse=True)
def _fresh_functions() -> None:
    functions.calls.clear()
    functions.limit = 0


def mapped(function: str, **fields: Any) -> dict[str, Any]:
    """A node `each` that maps a function over `params.ns`."""
    over = {**OVER, **fields.pop("map", {})}
    return python("each", function, {"n": "${n}"}, map=over, **fields)


async def test_results_come_in_order_and_reduce_makes_one_of_them(bench: Bench) -> None:
    nodes = (
        mapped("double", next={"default": "sum"}),
        {"name": "sum", "reduce": {"from": "each", "with": "${items.map(i, i * 10)}"}},
    )
    outcome = await bench.run(config(*nodes, params={"ns": [3, 1, 2]}))
    assert outcome.result == [60, 20, 40]


@pytest.mark.parametrize(
    ("ns", "message"),
    [
        (5, "map.over: want a list, got int: 5"),
        ([1] * 4, "map.over: yields 4 items, map.maxItems allows 3: raise it, or map less"),
        ([2, 3], f"item 1: {BREAKS}: ValueError: 3 is odd (functions.py:"),
        (
            [2, "x"],
            f"item 1: {BREAKS}: TypeError: not all arguments converted during string formatting",
        ),
    ],
)
async def test_what_cannot_be_mapped_fails_the_node(bench: Bench, ns: Any, message: str) -> None:
    outcome = await bench.run(config(mapped("odd_breaks", map={"maxItems": 3}), params={"ns": ns}))
    assert outcome.error is not None
    assert outcome.error.node == "each"
    assert outcome.error.message.startswith(message)


async def test_a_failed_item_has_a_fallback_and_a_failed_map_a_way_of_its_own(bench: Bench) -> None:
    with_fallback = mapped("odd_breaks", fallback={"value": "odd"})
    assert (await bench.run(config(with_fallback, params={"ns": [1, 2]}))).result == ["odd", 2]
    nodes = (
        mapped("odd_breaks", next={"failed": "tell"}),
        llm("tell", "${shared.each.error.replace('breaks', '')}"),
    )
    outcome = await bench.run(config(*nodes, params={"ns": [1, 2]}, name="r2"))
    assert outcome.result.startswith(
        "about item 0: python tests.unit.runs.functions:odd_: ValueError: 1 is odd"
    )
    assert [(node.state, node.action) for node in outcome.nodes] == [
        ("Failed", "failed"),
        ("Succeeded", "default"),
    ]


async def test_expressions_of_an_item_see_it_and_its_index(bench: Bench) -> None:
    node = agent("each", "bob", "${index}: ${n} of ${params.ns.size()}", map=OVER)
    outcome = await bench.run(config(node, params={"ns": ["a", "b"]}))
    assert outcome.result == ["bob says 0: a of 2", "bob says 1: b of 2"]
    assert outcome.usage == Usage(2, 2)
    assert sorted(bench.agents.keys) == [f"{RUN}:each:1:0", f"{RUN}:each:1:1"]


async def test_after_a_stop_only_the_missing_items_run_again(bench: Bench) -> None:
    node = agent("each", "${n}", "hi", map={**OVER, "parallelism": 1})
    node["agent"] = "slow"
    node["input"] = "${n}"
    run = config(node, params={"ns": ["a", "b", "c"]})
    bench.agents.never.set()
    leg = asyncio.ensure_future(bench.run(run))
    await eventually(lambda: ("slow", "b") in bench.agents.asked)
    leg.cancel()
    await asyncio.gather(leg, return_exceptions=True)
    outcome = await bench.run(run)
    assert outcome.result == ["slow says a", "slow says b", "slow says c"]
    assert bench.agents.asked.count(("slow", "a")) == 1
    assert outcome.usage == Usage(3, 3), "what a killed process used for recorded items counts too"


async def test_no_more_items_at_once_than_its_parallelism(bench: Bench) -> None:
    run = config(agent("each", "slow", "${n}", map={**OVER, "parallelism": 2}), params={"ns": ["a"] * 5})
    leg = asyncio.ensure_future(bench.run(run))
    await eventually(lambda: len(bench.agents.asked) == 2)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(bench.agents.asked) == 2
    bench.agents.never.set()
    assert len((await leg).result) == 5


async def test_of_many_items_only_those_under_way_take_tasks() -> None:
    node = python("each", "tasks", map={**OVER, "parallelism": 50})
    outcome = await Bench().run(config(node, params={"ns": list(range(5000))}))
    assert len(outcome.result) == 5000
    assert max(outcome.result) < 110, "each item has a task, and its function one of its own"


CHILD = flow(
    llm("a", "${params.topic}", next={"default": "b"}),
    agent("b", "bob", "${shared.a}"),
    params={"topic": {"type": "string"}},
    result="${params.topic}: ${shared.b}",
)


def each_flow(**fields: Any) -> dict[str, Any]:
    return {"name": "each", "flow": "sub", "input": {"topic": "${n}"}, "map": OVER, **fields}


async def test_a_flow_for_each_item_is_a_run_of_its_own(bench: Bench, store: RunStore) -> None:
    run = config(each_flow(), flows={"sub": CHILD}, params={"ns": ["bees", "ants"]})
    outcome = await bench.run(run)
    assert outcome.result == ["bees: bob says about bees", "ants: bob says about ants"]
    assert sorted(bench.agents.keys) == [f"{RUN}#each:1:0:b:1", f"{RUN}#each:1:1:b:1"]
    assert [node.name for node in outcome.nodes] == ["each"], "the items' nodes are not the run's"
    assert outcome.usage == Usage(4, 6)
    assert [one.run for one in await store.runs()] == [RUN], "nothing of the items is left"


async def test_an_items_flow_goes_on_where_it_was_killed(bench: Bench, store: RunStore) -> None:
    child = flow(
        python("a", "double", {"n": "${params.n}"}, next={"default": "b"}),
        agent("b", "slow", "${shared.a}"),
        params={"n": {}},
    )
    node = {"name": "each", "flow": "sub", "input": {"n": "${n}"}, "map": OVER}
    run = config(node, flows={"sub": child}, params={"ns": [1, 2]})
    leg = asyncio.ensure_future(bench.run(run))
    await eventually(lambda: len(bench.agents.asked) == 2)
    leg.cancel()
    await asyncio.gather(leg, return_exceptions=True)
    bench.agents.never.set()
    outcome = await bench.run(run)
    assert outcome.result == ["slow says 2", "slow says 4"]
    assert sorted(functions.calls) == [1, 2], "the first node of neither ran again"
    assert [one.run for one in await store.runs()] == [RUN]


async def test_in_the_flow_of_an_item_a_wait_keeps_the_process(bench: Bench) -> None:
    child = flow({"name": "pause", "wait": {"duration": "2h"}, "next": {"default": "a"}}, llm("a", "hi"))
    run = config({"name": "each", "flow": "sub", "map": OVER}, flows={"sub": child}, params={"ns": [1, 2]})
    leg = asyncio.ensure_future(bench.run(run))
    await eventually(lambda: bench.clock.sleeps.count(7200.0) == 2)
    bench.clock.advance(7200)
    assert (await leg).result == ["about hi", "about hi"]


@pytest.mark.parametrize(
    ("child", "topic", "message"),
    [
        (CHILD, 5, 'item 0: input.topic: Flow "sub": 5 is not of type "string"'),
        ({**CHILD, "maxSteps": 1}, "x", 'item 0: Flow "sub" made 1 visits, its maxSteps, without an end'),
        (flow(llm("a", "break")), None, 'item 0: Model "fast" failed as its script says: out of ink'),
    ],
)
async def test_an_items_flow_that_fails_says_which_and_why(
    bench: Bench, child: dict[str, Any], topic: Any, message: str
) -> None:
    node = {"name": "each", "flow": "sub", "map": OVER, "input": {} if topic is None else {"topic": "${n}"}}
    outcome = await bench.run(config(node, flows={"sub": child}, params={"ns": [topic]}))
    assert outcome.error is not None
    assert outcome.error.message.startswith(message)


JOBS = {"isolation": "Job", "parallelism": 7}


async def suspended(bench: Bench, ns: list[Any], **fields: Any) -> tuple[Any, Any]:
    """A run that waits for its items, and how to run one."""
    run = config(mapped("odd_breaks", map=JOBS, **fields), params={"ns": ns})
    waiting = (await bench.run(run)).waiting
    assert waiting is not None
    assert (waiting.for_, waiting.node, waiting.count, waiting.parallelism) == ("Map", "each", len(ns), 7)

    async def item(index: int) -> Any:
        place = Place(waiting.node, waiting.visit, waiting.generation or 0, index)
        return await bench.item(run, place)

    return run, item


async def test_items_in_jobs_are_collected_by_the_next_process(bench: Bench) -> None:
    run, item = await suspended(bench, [2, 4, 6])
    for index in (2, 0, 1):
        await item(index)
    outcome = await bench.run(run)
    assert (outcome.error, outcome.result) == (None, [2, 4, 6])
    assert outcome.resumed_from is None


async def test_an_item_that_is_done_is_not_done_again(bench: Bench) -> None:
    run = config(mapped("double", map=JOBS), params={"ns": [5]})
    waiting = (await bench.run(run)).waiting
    assert waiting is not None
    place = Place("each", 1, waiting.generation or 0, 0)
    assert await bench.item(run, place) == await bench.item(run, place) == {"value": 10}
    assert functions.calls == [5]


@pytest.mark.parametrize(
    ("ran", "message"),
    [
        ([0, 1], f"item 1: {BREAKS}: ValueError: 3 is odd (functions.py:"),
        ([0], "item 1: its pod ended without a result; see the pod's log"),
        ([], "item 0: its pod ended without a result; see the pod's log"),
    ],
)
async def test_a_missing_or_failed_item_fails_the_node(bench: Bench, ran: list[int], message: str) -> None:
    run, item = await suspended(bench, [2, 3])
    for index in ran:
        await item(index)
    error = (await bench.run(run)).error
    assert error is not None
    assert error.node == "each"
    assert error.message.startswith(message)
    assert ("raise ValueError" in error.trace) == ("ValueError" in message)


async def test_a_missing_item_gets_the_fallback(bench: Bench) -> None:
    run, item = await suspended(bench, [2, 3, 4], fallback={"value": 0})
    await item(0)
    await item(1)
    assert (await bench.run(run)).result == [2, 0, 0]


async def test_a_repeated_process_of_the_same_leg_waits_for_the_items_as_well(bench: Bench) -> None:
    run = config(mapped("double", map=JOBS), params={"ns": [1]})
    first, again = await bench.run(run, leg="r1-run"), await bench.run(run, leg="r1-run")
    assert first.waiting is not None
    assert again.waiting is not None
    assert (again.waiting.generation or 0) > (first.waiting.generation or 0)
    with pytest.raises(LeaseLost):
        await bench.item(run, Place("each", 1, first.waiting.generation or 0, 0))
    await bench.item(run, Place("each", 1, again.waiting.generation or 0, 0))
    assert (await bench.run(run, leg="r1-run-2")).result == [2]


async def test_no_items_need_no_jobs(bench: Bench) -> None:
    assert (await bench.run(config(mapped("double", map=JOBS), params={"ns": []}))).result == []


async def test_jobs_need_a_store() -> None:
    outcome = await Bench().run(config(mapped("double", map=JOBS), params={"ns": [1]}))
    assert outcome.error is not None
    assert "a map in Jobs needs a run store" in outcome.error.message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nobody", 'there is no mapped node "nobody"; mapped are: each'),
        ("each/x", '"each" is no node of run "r1" that runs a flow'),
        ("sub/x", 'there is no mapped node "x"; mapped are: none'),
    ],
)
def test_a_place_that_is_not_there_is_named(path: str, message: str) -> None:
    run = config(
        mapped("double", map=JOBS, next={"default": "sub"}),
        {"name": "sub", "flow": "sub"},
        flows={"sub": CHILD},
    )
    with pytest.raises(ConfigError, match=message):
        node_at(run, path)
