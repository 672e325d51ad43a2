"""Attempts are counted over all processes of a run: after a kill none is given twice, and none is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.durable.stores.sqlite.store import SqliteRunStore
from agent_runtime.models.port import Usage
from agent_runtime.runs.item import Place
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.port import AgentAnswer
from tests.clocks import ManualClock, SteppingClock, eventually
from tests.unit.runs.bench import Bench, config


class Died(BaseException):
    """The process was killed: nobody catches it, and nothing is written down."""


class Script:
    """An agent that at each call does what comes next: fails, kills its process, or answers."""

    def __init__(self, *acts: BaseException | str) -> None:
        self.acts = list(acts)
        self.calls: list[str] = []
        self.clock = SteppingClock()

    async def __call__(self, agent: str, message: str, key: str) -> AgentAnswer:
        self.calls.append(key)
        act = self.acts.pop(0) if self.acts else "done"
        if isinstance(act, BaseException):
            raise act
        return AgentAnswer(act, usage=Usage(1, 1))


def fails() -> Exception:
    return ConnectionError("the line is busy")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = SqliteRunStore(tmp_path / "runs.db")
    await store.open()
    yield Bench(store)
    await store.close()


async def _to_the_end(bench: Bench, script: Script, run: Any) -> Outcome:
    """One process after another, until one does not die."""
    bench.agents = script  # type: ignore[assignment]  # the bench's own agents do not kill anybody
    bench.clock = script.clock
    for _ in range(20):
        try:
            return await bench.run(run)
        except Died:
            continue
    raise AssertionError("it was tried without end")


def _node(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "agent": "script", "input": "go", **fields}


RETRY = {"retry": {"maxAttempts": 4, "wait": "5s"}}


async def test_attempts_of_a_process_that_died_count(bench: Bench) -> None:
    script = Script(fails(), Died(), fails(), fails(), "too late")
    outcome = await _to_the_end(bench, script, config(_node(**RETRY)))
    assert script.calls == ["news/r1/u1:a:1"] * 4
    assert outcome.error is not None
    assert outcome.error.message == "the line is busy"
    assert outcome.nodes[0].attempts == 4


async def test_the_wait_between_attempts_survives_the_process(bench: Bench) -> None:
    script = Script(fails(), "done")
    run, clock = config(_node(**RETRY)), ManualClock()
    bench.agents, bench.clock = script, clock  # type: ignore[assignment]
    first = asyncio.create_task(bench.run(run))
    await eventually(lambda: 5.0 in clock.sleeps)
    first.cancel()
    await asyncio.wait([first])
    clock.advance(2)
    second = asyncio.create_task(bench.run(run))
    await eventually(lambda: 3.0 in clock.sleeps)
    assert len(script.calls) == 1
    clock.advance(3)
    outcome = await second
    assert (outcome.result, outcome.nodes[0].attempts) == ("done", 2)


@pytest.mark.parametrize(("retry", "calls"), [({}, 11), ({"retry": {"maxAttempts": 2}}, 2)])
async def test_what_kills_its_process_is_not_tried_without_end(
    bench: Bench, retry: dict[str, Any], calls: int
) -> None:
    script = Script(*(Died() for _ in range(30)))
    outcome = await _to_the_end(bench, script, config(_node(**retry)))
    assert len(script.calls) == calls
    assert outcome.error is not None
    assert (outcome.error.node, outcome.error.kind) == ("a", "AttemptsExhausted")
    assert f"{calls} attempts were made, and its process died {calls} times" in outcome.error.message
    assert outcome.nodes[0].attempts == calls


async def test_its_fallback_applies(bench: Bench) -> None:
    script = Script(*(Died() for _ in range(30)))
    outcome = await _to_the_end(bench, script, config(_node(fallback={"value": "none"})))
    assert (outcome.result, len(script.calls)) == ("none", 11)


async def test_a_kill_from_outside_is_no_failure_of_a_node_with_one_attempt(bench: Bench) -> None:
    script = Script(Died(), Died(), "done")
    assert (await _to_the_end(bench, script, config(_node()))).result == "done"


async def test_a_process_that_is_told_to_stop_gives_the_attempt_back(bench: Bench) -> None:
    script = Script(*(asyncio.CancelledError() for _ in range(9)), "done")
    bench.agents = script  # type: ignore[assignment]
    bench.clock = script.clock
    run = config(_node(retry={"maxAttempts": 2}))
    for _ in range(9):
        with pytest.raises(asyncio.CancelledError):
            await bench.run(run)
    outcome = await bench.run(run)
    assert (outcome.result, outcome.nodes[0].attempts) == ("done", None)


async def test_each_visit_has_attempts_of_its_own(bench: Bench) -> None:
    node = _node(next={"default": "b"}, **RETRY)
    again = {"name": "b", "agent": "script", "input": "go", **RETRY}
    script = Script(fails(), fails(), fails(), "one", fails(), fails(), fails(), "two")
    outcome = await _to_the_end(bench, script, config(node, again))
    assert outcome.result == "two"
    assert [each.attempts for each in outcome.nodes] == [4, 4]


async def test_items_have_attempts_of_their_own_and_the_one_that_kills_is_found(bench: Bench) -> None:
    class Killer(Script):
        async def __call__(self, agent: str, message: str, key: str) -> AgentAnswer:
            self.calls.append(message)
            if message == "2":
                raise Died
            await asyncio.sleep(0.01)
            return AgentAnswer(message)

    script = Killer()
    node = _node(input="${string(item)}", map={"over": "${params.ns}"}, fallback={"value": "lost"})
    outcome = await _to_the_end(bench, script, config(node, params={"ns": [0, 1, 2, 3, 4]}))
    assert outcome.result == ["0", "1", "lost", "3", "4"]
    assert script.calls.count("2") == 12


async def test_items_that_fail_are_counted_over_processes(bench: Bench) -> None:
    script = Script(fails(), Died(), fails(), "too late")
    node = _node(input="${string(item)}", map={"over": "${params.ns}"}, retry={"maxAttempts": 3})
    outcome = await _to_the_end(bench, script, config(node, params={"ns": [7]}))
    assert len(script.calls) == 3
    assert outcome.error is not None
    assert "item 0: the line is busy" in outcome.error.message
    assert outcome.nodes[0].attempts == 3


async def test_so_are_those_of_an_item_in_a_pod_of_its_own(bench: Bench) -> None:
    script = Script(fails(), Died(), Died(), "too late")
    bench.agents = script  # type: ignore[assignment]
    bench.clock = script.clock
    over = {"over": "${params.ns}", "isolation": "Job"}
    run = config(_node(input="${string(item)}", map=over, retry={"maxAttempts": 3}), params={"ns": [7]})
    waiting = (await bench.run(run)).waiting
    assert waiting is not None
    place = Place("a", waiting.visit, waiting.generation or 0, 0)
    for _ in range(2):
        with pytest.raises(Died):
            await bench.item(run, place)
    result = await bench.item(run, place)
    assert len(script.calls) == 3
    assert result["error"].startswith("AttemptsExhausted: 3 attempts were made, and its process died 2 times")
    assert "the last that failed: the line is busy" in result["error"]
