"""Schedules on the laptop: a clock that stands still until it is moved, and runs that are only noted."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.api import API_VERSION, FlowResource
from agent_runtime.compile.result import Manifest
from agent_runtime.local.hosting.host import Host
from agent_runtime.local.runs.triggers import Triggers
from agent_runtime.local.state import StateFolder
from agent_runtime.telemetry.events import unobserved
from agent_runtime.tools.port import ToolContext
from agent_runtime.triggers.naming import trigger_key
from tests.clocks import START, ManualClock, eventually


class Runs:
    """Notes which runs there are; they end when the test says so."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []

    def all(self) -> list[dict[str, Any]]:
        return list(self.there.values())

    def ensure(self, manifest: Manifest) -> str:
        self.there.setdefault(manifest["metadata"]["name"], {**manifest, "status": {"phase": "Running"}})
        return "created"

    def cancel(self, name: str) -> None:
        self.cancelled.append(name)
        self.end(name, "Cancelled")

    async def delete(self, name: str) -> None:
        del self.there[name]

    def end(self, name: str, phase: str = "Succeeded") -> None:
        self.there[name]["status"] = {"phase": phase, "finishedAt": "2026-01-05T12:00:00Z"}


class World:
    def __init__(self, folder: Path, state: StateFolder) -> None:
        self.clock = ManualClock()
        self.runs = Runs()
        self._file = folder / "triggers.json"
        self._host = Host(state, ToolContext(folder), unobserved)
        self.triggers = self.made()

    def made(self) -> Triggers:
        return Triggers(self._file, self.runs, self._host, self.clock)

    async def follow(self, flow: FlowResource) -> None:
        await self.triggers.follow([(flow, START)])

    async def restart(self, flow: FlowResource) -> None:
        await self.triggers.close()
        self.triggers = self.made()
        await self.follow(flow)

    async def pass_minutes(self, minutes: int) -> None:
        """Minute by minute, as the laptop sleeps at most that long."""
        for _ in range(minutes):
            await self._pass_minute(len(self.clock.sleeps))

    async def _pass_minute(self, slept: int) -> None:
        self.clock.advance(60)
        await eventually(lambda: len(self.clock.sleeps) > slept)

    @property
    def names(self) -> list[str]:
        return sorted(self.runs.there)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with StateFolder.open(tmp_path / "state") as state:
        made = World(tmp_path, state)
        yield made
        await made.triggers.close()


def nightly(history: int = 10, **cron: Any) -> FlowResource:
    """A flow on a schedule of every ten minutes."""
    spec = {
        "start": "a",
        "nodes": [{"name": "a", "tool": {"builtin": "clock"}}],
        "triggers": [{"cron": {"schedule": "*/10 * * * *", **cron}}],
        "run": {"historyLimit": history},
    }
    return FlowResource.model_validate(
        {"apiVersion": API_VERSION, "kind": "Flow", "metadata": {"name": "nightly"}, "spec": spec}
    )


def at(minutes: int) -> str:
    """The name of the run for a time so many minutes after the start."""
    return f"nightly-{int((START + timedelta(minutes=minutes)).timestamp()) // 60}"


async def test_a_run_for_each_time_and_none_before(world: World) -> None:
    await world.follow(nightly(concurrencyPolicy="Allow"))
    await world.pass_minutes(9)
    assert world.names == []
    await world.pass_minutes(12)
    assert world.names == [at(10), at(20)]
    (status,) = world.triggers.status(nightly())
    assert status == {
        "trigger": "cron */10 * * * * Etc/UTC",
        "lastTime": "2026-01-05T12:20:00Z",
        "nextTime": "2026-01-05T12:30:00Z",
        "missed": 0,
    }


async def test_no_time_is_answered_twice_over_a_restart(world: World) -> None:
    await world.follow(nightly())
    await world.pass_minutes(11)
    world.runs.there.clear()
    await world.restart(nightly())
    await world.pass_minutes(1)
    assert world.names == []


async def test_of_missed_times_the_latest_is_started_and_the_others_are_counted(world: World) -> None:
    await world.follow(nightly())
    await world.pass_minutes(1)
    await world.triggers.close()
    world.clock.advance(34 * 60)
    await world.restart(nightly())
    await eventually(lambda: world.names == [at(30)])
    assert world.triggers.status(nightly())[0]["missed"] == 2


async def test_a_time_too_long_ago_is_left_out(world: World) -> None:
    await world.follow(nightly(startingDeadline="1m"))
    await world.pass_minutes(1)
    await world.triggers.close()
    world.clock.advance(14 * 60)
    await world.restart(nightly(startingDeadline="1m"))
    await world.pass_minutes(1)
    assert world.names == []
    assert world.triggers.status(nightly())[0]["missed"] == 1


async def test_forbid_skips_while_the_last_run_is_under_way(world: World) -> None:
    await world.follow(nightly())
    await world.pass_minutes(21)
    assert world.names == [at(10)]
    world.runs.end(at(10))
    await world.pass_minutes(10)
    assert world.names == [at(10), at(30)]


async def test_replace_cancels_the_last_run(world: World) -> None:
    await world.follow(nightly(concurrencyPolicy="Replace"))
    await world.pass_minutes(21)
    assert world.runs.cancelled == [at(10)]
    assert world.names == [at(10), at(20)]


async def test_a_suspended_trigger_starts_nothing(world: World) -> None:
    await world.follow(nightly(suspend=True))
    await world.pass_minutes(11)
    assert world.names == []


async def test_older_runs_are_deleted(world: World) -> None:
    await world.follow(nightly(history=1, concurrencyPolicy="Allow"))
    await world.pass_minutes(31)
    for name in world.names:
        world.runs.end(name)
    await world.pass_minutes(1)
    assert world.names == [at(30)]


def on(schedule: str, **cron: Any) -> FlowResource:
    """The flow on another schedule."""
    return nightly(schedule=schedule, **cron)


async def test_an_edit_fires_for_no_time_before_it(world: World) -> None:
    await world.follow(on("0 0 1 6 *", startingDeadline="1h"))
    await world.pass_minutes(2)
    await world.follow(on("1 * * * *", startingDeadline="1h"))  # a minute ago
    await world.pass_minutes(2)
    assert world.names == []
    assert world.triggers.status(on("1 * * * *"))[0]["nextTime"] == "2026-01-05T13:01:00Z"


async def test_the_first_time_is_made_up_for_when_it_was_missed(world: World) -> None:
    await world.follow(nightly(startingDeadline="1h"))
    await world.pass_minutes(1)
    await world.triggers.close()
    world.clock.advance(10 * 60)
    await world.restart(nightly(startingDeadline="1h"))
    await eventually(lambda: world.names == [at(10)])


async def test_what_an_older_version_kept_is_taken_over(world: World, tmp_path: Path) -> None:
    flow = nightly()
    key = f"nightly/{trigger_key(flow.spec.triggers, 0)}"
    kept = {key: {"last": "2026-01-05T11:30:00Z", "missed": 4}}
    (tmp_path / "triggers.json").write_text(json.dumps(kept))
    await world.restart(flow)
    await eventually(lambda: world.names == [at(0)])
    assert world.triggers.status(flow)[0]["missed"] == 6


@pytest.mark.parametrize("content", ["", "[]", '{"flows": 5}', '{"flows": {"nightly": [{}]}}'])
async def test_a_file_that_is_damaged_keeps_no_schedule_from_firing(
    world: World, tmp_path: Path, content: str
) -> None:
    (tmp_path / "triggers.json").write_text(content)
    await world.restart(nightly())
    await world.pass_minutes(11)
    assert world.names == [at(10)]


async def test_runs_are_deleted_though_no_flow_has_a_trigger(world: World) -> None:
    flow = nightly()
    flow.spec.triggers = []
    flow.spec.run.ttl_after_finished = "5m"
    for name, spec in {
        "by-hand": {"flow": {"name": "nightly"}},
        "alone": {"flowSpec": {"run": {"ttlAfterFinished": "5m"}}},
        "kept": {"flowSpec": {}},
    }.items():
        world.runs.ensure({"metadata": {"name": name}, "spec": spec})
        world.runs.end(name)
    await world.follow(flow)
    await world.pass_minutes(4)
    assert world.names == ["alone", "by-hand", "kept"]
    await world.pass_minutes(2)
    assert world.names == ["kept"]


async def test_one_flow_that_fails_keeps_no_other_from_its_turn(world: World) -> None:
    bad = nightly()
    bad.metadata.name = "bad"
    bad.spec.triggers[0].cron.schedule = "no schedule"  # type: ignore[union-attr]  # it has one
    await world.triggers.follow([(bad, START), (nightly(), START)])
    await world.pass_minutes(11)
    assert world.names == [at(10)]
