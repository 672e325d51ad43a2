"""Runs on the laptop: slots, waits, answers, pauses, restarts. Legs are played; the clock stands still."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.api.flowrun import Answer
from agent_runtime.config.models import RunConfig
from agent_runtime.local.errors import UserError
from agent_runtime.local.runs.files import RunFiles
from agent_runtime.local.runs.registry import Runs
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.outcome import Outcome, RunError, Waiting
from agent_runtime.telemetry.events import Event
from tests.clocks import ManualClock, eventually

ASKS = Outcome(waiting=Waiting("Approval", "review", prompt="Send?", actions=("send", "drop")))
WAITS = Outcome(waiting=Waiting("Time", "rest", until="2026-01-05T12:10:00Z"))
"""Ten minutes after the clock's start."""


class Played:
    """Legs that end when and as the test says; notes how each was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self._ends: dict[str, asyncio.Future[Outcome]] = {}

    async def __call__(self, config: RunConfig, answers: Sequence[Answer]) -> Outcome:
        self.calls.append((config.name, [answer.action for answer in answers]))
        self._ends[config.name] = asyncio.get_running_loop().create_future()
        return await self._ends[config.name]

    def end(self, name: str, outcome: Outcome | BaseException) -> None:
        future = self._ends.pop(name)
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    @property
    def under_way(self) -> list[str]:
        return sorted(name for name, end in self._ends.items() if not end.done())


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.legs = Played()
        self._folder = folder
        self.runs = Runs(folder, self.legs, self.clock)

    def restart(self) -> None:
        self.legs = Played()
        self.runs = Runs(self._folder, self.legs, self.clock)
        self.runs.resume()

    def add(self, name: str, *, most: int | None = None, **spec: Any) -> None:
        graph = {"start": "a", "nodes": [{"name": "a", "tool": {"builtin": "clock"}}]}
        flow = {**graph, "run": {"maxConcurrent": most}}
        config = RunConfig.model_validate(
            {"name": name, "namespace": "default", "uid": name, "flowName": "f", "flow": flow}
        )
        manifest = {
            "kind": "FlowRun",
            "metadata": {"name": name, "creationTimestamp": f"2026-01-05T12:00:0{len(self.runs.all)}Z"},
            "spec": {"flow": {"name": "f"}, **spec},
        }
        self.runs.add(manifest, config)

    def change(self, name: str, **spec: Any) -> None:
        self.runs.change(name, {**self.runs.all[name].spec, **spec})

    def status(self, name: str) -> tuple[str, str]:
        status = self.runs.all[name].status
        return status["phase"], status["conditions"][0]["reason"]

    async def reaches(self, name: str, phase: str, reason: str) -> None:
        await eventually(lambda: self.status(name) == (phase, reason))

    async def is_under_way(self, *names: str) -> None:
        await eventually(lambda: self.legs.under_way == sorted(names))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.runs.drain(0)


async def test_from_start_to_result(world: World) -> None:
    world.add("one")
    await world.is_under_way("one")
    assert world.status("one") == ("Running", "Running")
    world.legs.end("one", Outcome(result={"n": 1}))
    await world.reaches("one", "Succeeded", "Succeeded")
    assert world.runs.all["one"].status["result"] == {"n": 1}


async def test_a_failure_names_the_node(world: World) -> None:
    world.add("one")
    await world.is_under_way("one")
    world.legs.end("one", Outcome(error=RunError("plan", "no plan")))
    await world.reaches("one", "Failed", "FlowFailed")
    assert world.runs.all["one"].status["conditions"][0]["message"] == 'node "plan": no plan'


async def test_no_more_at_once_than_the_flow_says(world: World) -> None:
    for name in ("one", "two", "three"):
        world.add(name, most=2)
    await world.is_under_way("one", "two")
    assert world.status("three") == ("Queued", "AtCapacity")
    assert "2 runs of flow f are under way" in world.runs.all["three"].status["conditions"][0]["message"]
    world.legs.end("one", Outcome())
    await world.is_under_way("two", "three")


async def test_a_run_that_waits_holds_no_slot(world: World) -> None:
    world.add("one", most=1)
    world.add("two", most=1)
    await world.is_under_way("one")
    world.legs.end("one", ASKS)
    await world.is_under_way("two")
    assert world.status("one") == ("Waiting", "WaitingForApproval")
    world.change("one", answers=[{"node": "review", "visit": 1, "action": "send"}])
    assert world.status("one") == ("Queued", "AtCapacity")
    world.legs.end("two", Outcome())
    await world.is_under_way("one")
    assert world.legs.calls[-1] == ("one", ["send"])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"node": "review", "visit": 1, "action": "maybe"}, "InvalidAnswer"),
        ({"node": "review", "visit": 2, "action": "send"}, "InvalidAnswer"),
        ({"node": "draft", "visit": 1, "action": "send"}, "InvalidAnswer"),
    ],
)
async def test_an_answer_to_something_else_changes_nothing(
    world: World, answer: dict[str, Any], reason: str
) -> None:
    world.add("one")
    await world.is_under_way("one")
    world.legs.end("one", ASKS)
    await world.reaches("one", "Waiting", "WaitingForApproval")
    world.change("one", answers=[answer])
    assert world.status("one") == ("Waiting", reason)
    assert world.runs.all["one"].status["waiting"]["actions"] == ["send", "drop"]
    assert len(world.legs.calls) == 1


async def test_an_answer_to_a_node_that_nobody_knows_is_named_when_the_run_asks(world: World) -> None:
    world.add("one", answers=[{"node": "reviev", "visit": 1, "action": "send"}])
    await world.is_under_way("one")
    world.legs.end("one", ASKS)
    await world.reaches("one", "Waiting", "InvalidAnswer")
    message = world.runs.all["one"].status["conditions"][0]["message"]
    assert (
        "the answer to reviev, visit 1, so far; review asks at visit 1: answer it with send or drop"
        in message
    )
    world.change("one", answers=[{"node": "review", "visit": 1, "action": "send"}])
    await eventually(lambda: len(world.legs.calls) == 2)


async def test_an_answer_given_before_it_was_asked_for(world: World) -> None:
    world.add("one", answers=[{"node": "review", "visit": 1, "action": "send"}])
    await world.is_under_way("one")
    world.legs.end("one", ASKS)
    await eventually(lambda: len(world.legs.calls) == 2)


async def test_it_goes_on_by_itself_when_the_time_has_come(world: World) -> None:
    world.add("one")
    await world.is_under_way("one")
    world.legs.end("one", WAITS)
    await world.reaches("one", "Waiting", "WaitingForTime")
    await eventually(lambda: world.clock.sleeps == [600.0])
    world.clock.advance(600)
    await world.is_under_way("one")


def _pause(world: World) -> None:
    world.change("one", suspend=True)


def _cancel(world: World) -> None:
    world.change("one", cancel=True)


@pytest.mark.parametrize(
    ("stop", "phase", "reason"),
    [(_pause, "Waiting", "Suspended"), (_cancel, "Cancelled", "Cancelled")],
)
async def test_stopping_a_run_frees_its_slot(
    world: World, stop: Callable[[World], None], phase: str, reason: str
) -> None:
    world.add("one", most=1)
    world.add("two", most=1)
    await world.is_under_way("one")
    stop(world)
    assert world.status("one") == (phase, reason)
    await eventually(lambda: ("two", []) in world.legs.calls)


def _event(world: World, node: str, state: str, visit: int = 1) -> Event:
    data = {"node": node, "state": state, "visit": visit, "action": None}
    return Event(world.clock.now(), "run.node", "one", f"{node} {state}", data)


@pytest.mark.parametrize("end", ["cancel", "fail"])
async def test_no_node_goes_on_when_its_run_has_ended(world: World, end: str) -> None:
    world.add("one")
    await world.is_under_way("one")
    for node, state in (("a", "Succeeded"), ("b", "Running"), ("c", "Waiting"), ("d", "Failed")):
        world.runs.observe(_event(world, node, state))
    if end == "cancel":
        world.change("one", cancel=True)
    else:
        world.legs.end("one", RuntimeError("oh"))
        await world.reaches("one", "Failed", "FlowFailed")
    world.runs.observe(_event(world, "b", "Running"))  # its last words, when it was stopped
    nodes = world.runs.all["one"].status["nodes"]
    stopped = {"state": "Cancelled", "finishedAt": "2026-01-05T12:00:00Z", "visits": 1}
    assert [(node["name"], node["state"]) for node in nodes if node["name"] in "ad"] == [
        ("a", "Succeeded"),
        ("d", "Failed"),
    ]
    assert [node for node in nodes if node["name"] in "bc"] == [
        {"name": "b", **stopped},
        {"name": "c", **stopped},
    ]


async def test_a_pause_is_taken_back(world: World) -> None:
    world.add("one", suspend=True)
    assert world.status("one") == ("Waiting", "Suspended")
    assert world.legs.calls == []
    world.change("one", suspend=False)
    await world.is_under_way("one")


async def test_a_run_whose_store_failed_is_tried_again(world: World) -> None:
    world.add("one")
    await world.is_under_way("one")
    world.legs.end("one", Interrupted("the disk is full"))
    await world.reaches("one", "Queued", "Starting")
    assert world.runs.all["one"].status["conditions"][0]["message"] == "the disk is full"
    await eventually(lambda: len(world.clock.sleeps) == 1)
    world.clock.advance(world.clock.sleeps[0])
    await eventually(lambda: len(world.legs.calls) == 2)


async def test_the_next_process_goes_on_with_everything(world: World) -> None:
    for name in ("under-way", "asks", "waits", "paused", "done"):
        world.add(name)
    await eventually(lambda: len(world.legs.under_way) == 5)
    world.legs.end("asks", ASKS)
    world.legs.end("waits", WAITS)
    world.legs.end("done", Outcome(result=1))
    world.change("paused", suspend=True)
    await world.reaches("waits", "Waiting", "WaitingForTime")
    await world.runs.drain(0)
    world.restart()
    await world.is_under_way("under-way")
    assert [world.status(name)[1] for name in ("asks", "waits", "paused", "done")] == [
        "WaitingForApproval",
        "WaitingForTime",
        "Suspended",
        "Succeeded",
    ]
    await eventually(lambda: world.clock.sleeps[-1:] == [600.0])
    world.clock.advance(600)
    await world.is_under_way("under-way", "waits")
    world.change("asks", answers=[{"node": "review", "visit": 1, "action": "send"}])
    await world.is_under_way("under-way", "waits", "asks")


@pytest.mark.parametrize(
    "error", [ValueError("a name \udce9 that is not UTF-8"), asyncio.CancelledError(), RecursionError()]
)
async def test_an_error_that_nobody_foresaw_fails_the_run_and_frees_its_slot(
    world: World, error: BaseException
) -> None:
    world.add("one", most=1)
    world.add("two", most=1)
    await world.is_under_way("one")
    world.legs.end("one", error)
    await world.reaches("one", "Failed", "FlowFailed")
    message = world.runs.all["one"].status["conditions"][0]["message"]
    assert type(error).__name__ in message or "was cancelled from within" in message
    message.encode()
    await world.is_under_way("two")


def full(*_: object) -> None:
    raise UserError("the disk is full")


async def test_a_full_disk_stops_no_run_and_its_status_is_written_later(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.add("one")
    await world.is_under_way("one")
    with monkeypatch.context() as disk:
        disk.setattr(RunFiles, "write", full)
        world.legs.end("one", Interrupted("the disk is full: make room on the disk, then resume the run"))
        await world.reaches("one", "Queued", "Starting")
        await eventually(lambda: len(world.clock.sleeps) == 2)  # the run's, and the writer's of statuses
        world.clock.advance(10)
        await world.is_under_way("one")  # by itself
        world.legs.end("one", Outcome(result=1))
        await world.reaches("one", "Succeeded", "Succeeded")
        await eventually(lambda: len(world.clock.sleeps) == 3)
    world.clock.advance(10)
    await eventually(lambda: '"Succeeded"' in (tmp_path / "one.json").read_text())


async def test_a_run_that_waits_for_room_is_tried_again_when_a_person_asks(world: World) -> None:
    world.add("one")
    await world.is_under_way("one")
    assert not world.runs.retry("one")
    world.legs.end("one", Interrupted("the disk is full"))
    await world.reaches("one", "Queued", "Starting")
    assert world.runs.retry("one")
    await world.is_under_way("one")


async def test_what_cannot_be_written_is_refused_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("one")
    await world.is_under_way("one")
    monkeypatch.setattr(RunFiles, "write", full)
    with pytest.raises(UserError, match="the disk is full"):
        world.add("two")
    with pytest.raises(UserError, match="the disk is full"):
        world.change("one", cancel=True)
    assert sorted(world.runs.all) == ["one"]
    assert world.status("one") == ("Running", "Running")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"manifest": {}, "config": null}', "[" * 100_000, "\x00"]
)
async def test_a_file_that_is_no_run_keeps_no_other_from_running(
    world: World, tmp_path: Path, content: str
) -> None:
    world.add("one")
    await world.is_under_way("one")
    (tmp_path / "broken.json").write_text(content)
    world.restart()
    assert sorted(world.runs.all) == ["one"]
    await world.is_under_way("one")
