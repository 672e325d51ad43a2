"""A run over several processes: it goes on where it stood, adds up, and ends once."""

import asyncio
from typing import Any

import pytest

from agent_runtime.durable.port import RunStore, StoreError, StoreFull, Unavailable
from agent_runtime.models.port import Usage
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.outcome import Outcome, RunError
from tests.clocks import eventually
from tests.unit.runs.bench import Bench, agent, config, llm, then

RUN = "news/r1/u1"
GATE = {"name": "gate", "approve": {"prompt": "Go on?"}, "next": {"approve": "second"}}


async def stopped(bench: Bench, *nodes: dict[str, Any], **fields: Any) -> None:
    """A process that is told to stop while `slow` thinks."""
    leg = asyncio.ensure_future(bench.run(config(*nodes, **fields)))
    await eventually(lambda: ("slow", "think") in bench.agents.asked)
    leg.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leg


async def test_finished_nodes_do_not_run_again_and_the_one_under_way_keeps_its_key(bench: Bench) -> None:
    nodes = then(agent("first", "bob", "hi"), agent("second", "slow", "think"), agent("third", "bob", "bye"))
    await stopped(bench, *nodes)
    bench.agents.never.set()
    outcome = await bench.run(config(*nodes))
    assert outcome.result == "bob says bye"
    assert outcome.resumed_from == "second"
    assert [node.name for node in outcome.nodes] == ["first", "second", "third"]
    assert outcome.usage == Usage(3, 3)
    assert bench.agents.keys == [f"{RUN}:first:1", f"{RUN}:second:1", f"{RUN}:second:1", f"{RUN}:third:1"]


async def test_a_run_that_was_stopped_before_its_first_boundary_begins_anew(bench: Bench) -> None:
    await stopped(bench, agent("only", "slow", "think"))
    bench.agents.never.set()
    outcome = await bench.run(config(agent("only", "slow", "think")))
    assert (outcome.result, outcome.resumed_from) == ("slow says think", None)


@pytest.mark.parametrize(
    ("node", "error"),
    [
        (agent("ask", "bob", "hi"), None),
        (llm("ask", "break"), RunError("ask", 'Model "fast" failed as its script says: out of ink')),
    ],
)
async def test_a_run_that_has_ended_is_not_run_again(
    bench: Bench, node: dict[str, Any], error: RunError | None
) -> None:
    first = await bench.run(config(node))
    events = len(bench.events)
    assert first.error == error
    assert await bench.run(config(node)) == first
    assert len(bench.events) == events
    assert len(bench.agents.asked) <= 1


async def test_a_loop_counts_on(bench: Bench) -> None:
    nodes = [
        {**llm("step", "${shared.step + '!'}"), "llm": {"model": {"name": "fast"}, "prompt": "again"}},
        {"name": "gate", "approve": {"prompt": "once more?", "actions": ["more", "done"]}},
    ]
    nodes[0]["next"] = {"default": "gate"}
    nodes[1]["next"] = {"more": "step"}
    answers: list[dict[str, Any]] = []
    for visit, action in ((1, "more"), (2, "more"), (3, "done")):
        waiting = (await bench.run(config(*nodes), *answers)).waiting
        assert waiting is not None
        assert (waiting.node, waiting.visit) == ("gate", visit)
        answers.append({"node": "gate", "visit": visit, "action": action})
    outcome = await bench.run(config(*nodes), *answers)
    assert [(node.name, node.visits) for node in outcome.nodes] == [("step", 3), ("gate", 3)]
    assert outcome.result == {"action": "done", "comment": ""}


async def test_the_deadline_counts_work_over_all_processes_but_not_the_waiting(bench: Bench) -> None:
    nodes = [
        agent("first", "hard-working", "40", next={"default": "gate"}),
        GATE,
        agent("second", "hard-working", "15", next={"default": "pause"}),
        {"name": "pause", "wait": {"duration": "1h"}, "next": {"default": "third"}},
        agent("third", "slow", "think"),
    ]
    limited = config(*nodes, run={"deadline": "1m"})
    assert (await bench.run(limited)).waiting is not None
    bench.clock.advance(3600)
    approved = {"node": "gate", "action": "approve"}
    assert (await bench.run(limited, approved)).waiting is not None
    bench.clock.advance(3600)
    # 55 of 60 seconds are used; a process that has none left stops at its first chance.
    last = asyncio.ensure_future(bench.run(limited, approved))
    await eventually(lambda: ("slow", "think") in bench.agents.asked)
    last.cancel()
    await asyncio.gather(last, return_exceptions=True)
    used_up = config(*nodes, run={"deadline": "50s"})
    outcome = await bench.run(used_up, approved)
    assert outcome.error is not None
    assert "did not end within its deadline of 50s" in outcome.error.message


async def test_another_graph_is_refused_and_what_differs_is_named(bench: Bench) -> None:
    await bench.run(config(GATE, llm("second", "hi")))
    outcome = await bench.run(config({**GATE, "next": {"approve": "other"}}, llm("other", "hi")))
    assert outcome.error is not None
    assert "node 'second' is gone" in outcome.error.message
    outcome = await bench.run(config(GATE, llm("second", "hi")), {"node": "gate", "action": "approve"})
    assert outcome.result == "about hi", "the refusal is not the run's end"


async def test_two_writers_the_older_stops_and_can_be_resumed(bench: Bench) -> None:
    nodes = then(agent("first", "slow", "think"), agent("second", "bob", "hi"))
    older = asyncio.ensure_future(bench.run(config(*nodes)))
    await eventually(lambda: ("slow", "think") in bench.agents.asked)
    assert bench.store is not None
    await bench.store.acquire(RUN, "somebody else", 30, take_over=True)
    bench.agents.never.set()
    with pytest.raises(Interrupted, match="was acquired by another process"):
        await older
    assert bench.told("run.interrupted")
    assert (await bench.run(config(*nodes))).result == "bob says hi"


async def test_a_fork_goes_on_from_another_runs_boundary_with_its_parameters(
    bench: Bench, store: RunStore
) -> None:
    nodes = then(llm("one", "${params.topic}"), llm("two", "${shared.one}"), llm("three", "${shared.two}"))
    first = await bench.run(
        config(*nodes, params={"topic": "bees"}, result="${params.topic}: ${shared.three}")
    )
    assert first.result == "bees: about about about bees"
    boundary = (await store.history(RUN))[1].number
    fork = {"run": RUN, "at": boundary}
    nodes[2]["llm"]["prompt"] = "now ${shared.two}"
    mended = config(
        *nodes, name="r2", fork_of=fork, result="${params.topic}: ${shared.three}", params={"topic": "x"}
    )
    second = await bench.run(mended)
    assert second.result == "bees: about now about about bees"
    assert second.resumed_from == "two"
    assert [node.name for node in second.nodes] == ["one", "two", "three"]
    # What the run before it took is counted there.
    assert second.usage == Usage(6, 8)
    assert (await bench.run(mended)).usage == second.usage


@pytest.mark.parametrize(
    ("fork", "message"),
    [
        ({"run": "news/gone/u9"}, "there is no run 'news/gone/u9'"),
        ({"run": RUN, "at": 77}, "run 'news/r1/u1' has no boundary 77; kept are 0, 1"),
    ],
)
async def test_a_fork_of_what_is_not_there_fails(bench: Bench, fork: dict[str, Any], message: str) -> None:
    await bench.run(config(llm("a", "hi")))
    outcome = await bench.run(config(llm("a", "hi"), name="r2", fork_of=fork))
    assert outcome.error is not None
    assert message in outcome.error.message


async def test_without_a_store_a_fork_is_refused() -> None:
    outcome = await Bench().run(config(llm("a", "hi"), fork_of={"run": RUN}))
    assert outcome.error == RunError("", "a fork needs a run store, which is where the other run is kept")


async def test_a_store_too_small_for_the_state_fails_the_run_and_names_the_key(bench: Bench) -> None:
    nodes = then(
        {"name": "grow", "python": {"function": "tests.unit.runs.functions:large"}, "output": "big"},
        llm("b", "hi"),
    )
    outcome = await bench.run(config(*nodes))
    assert outcome.error is not None
    assert outcome.error.node == "grow"
    assert "The largest keys: shared.big (17,000,002 bytes)" in outcome.error.message


async def test_a_store_that_goes_away_stops_the_process_and_leaves_the_run(bench: Bench) -> None:
    nodes = then(agent("first", "slow", "think"), agent("second", "bob", "hi"))
    leg = asyncio.ensure_future(bench.run(config(*nodes), patience=0))
    await eventually(lambda: ("slow", "think") in bench.agents.asked)
    assert bench.store is not None
    await bench.store.close()
    bench.agents.never.set()
    with pytest.raises(Interrupted):
        await leg
    await bench.store.open()
    outcome = await bench.run(config(*nodes))
    assert isinstance(outcome, Outcome)
    assert outcome.result == "bob says hi"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StoreFull("no room on the disk of the run store"), "no room on the disk"),
        (Unavailable("the run store is on the move"), "on the move"),
    ],
)
async def test_a_store_that_cannot_write_stops_the_process_and_leaves_the_run(
    bench: Bench, store: RunStore, monkeypatch: pytest.MonkeyPatch, error: StoreError, message: str
) -> None:
    nodes = then(agent("first", "bob", "one"), agent("second", "bob", "two"), agent("third", "bob", "three"))
    commit, commits = store.commit, 0

    async def second_fails(*args: Any, **options: Any) -> None:
        nonlocal commits
        commits += 1
        if commits == 3:  # the first is the start
            raise error
        await commit(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store, "commit", second_fails)
        with pytest.raises(Interrupted, match=message):
            await bench.run(config(*nodes), patience=0)
    outcome = await bench.run(config(*nodes))
    assert (outcome.result, outcome.resumed_from) == ("bob says three", "second")
    assert [message for _, message in bench.agents.asked] == ["one", "two", "two", "three"]
    assert bench.agents.keys[1] == bench.agents.keys[2]


async def test_a_run_that_another_process_holds_is_not_taken_from_it_unasked(
    bench: Bench, store: RunStore
) -> None:
    await store.acquire(RUN, "somebody", 30)
    with pytest.raises(Interrupted, match="is held by 'somebody' until"):
        await bench.run(config(llm("a", "hi")), take_over=False)
