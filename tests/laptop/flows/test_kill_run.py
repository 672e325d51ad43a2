"""The process of a run, killed and started again: `python -m agent_runtime run` on a store in a file."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.laptop.test_roles import ENVIRON, LONG
from tests.noting_server import Asked, NotingServer, Says, noting_server
from tests.paths import ROOT

KILLS = 40


@dataclass
class Runs:
    """Starts processes of runs that share a store and a server."""

    folder: Path
    server: NotingServer
    names: list[str] = field(default_factory=list)

    def config(self, name: str, *nodes: dict[str, Any], **flow: Any) -> Path:
        """The file of a run's compiled config."""
        flows = flow.pop("flows", {})
        config = {
            "kind": "FlowRun",
            "name": name,
            "namespace": "news",
            "uid": "u1",
            "flowName": "report",
            "flow": {"start": nodes[0]["name"], "nodes": list(nodes), **flow},
            "flows": flows,
            "store": {"url": f"sqlite:///{self.folder / 'runs.sqlite'}"},
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(config))
        return path

    def start(self, config: Path, *arguments: str, role: str = "run", **environ: str) -> "Process":
        """One process."""
        result = config.with_suffix(".result")
        result.unlink(missing_ok=True)
        arguments = ("--result", str(result), *arguments)
        log = config.with_suffix(".log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "agent_runtime", role, "--config", str(config), *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**ENVIRON, **environ},
        )
        log.close()
        return Process(process, result, config.with_suffix(".log"))

    def finish(self, config: Path, **environ: str) -> dict[str, Any]:
        """A process that is let live; its outcome."""
        return self.start(config, **environ).outcome()

    def asked(self, run: str) -> list[Asked]:
        """What a run asked the server."""
        return [asked for asked in self.server.asked if asked.key.startswith(f"news/{run}/")]


@dataclass
class Process:
    """A process of a run."""

    process: subprocess.Popen[bytes]
    result: Path
    log: Path

    def outcome(self, status: int = 0) -> dict[str, Any]:
        """Its outcome, when it has ended with that exit status."""
        assert self.process.wait(LONG) == status, self.log.read_text()
        outcome: dict[str, Any] = json.loads(self.result.read_text())
        return outcome

    def wait_until(self, holds: Callable[[], bool]) -> bool:
        """Whether it still lives when the condition holds."""
        deadline = time.monotonic() + LONG
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text()
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return self.process.poll() is None


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    def answer(asked: Asked) -> Says:
        time.sleep(random.uniform(0.001, 0.03))
        return Says({"n": asked.body["n"], "path": asked.path})

    with noting_server(answer) as server:
        yield Runs(tmp_path, server)


def call(runs: Runs, name: str, n: str, **fields: Any) -> dict[str, Any]:
    """A node that sends a request, as agents and tools are asked."""
    return {"name": name, "http": {"url": f"{runs.server.url}/{name}"}, "input": {"n": n}, **fields}


def journey(runs: Runs, name: str) -> Path:
    """A run with all that a process can be killed in: a chain, a loop, a map, flows within flows."""
    again = "${has(shared.step) ? shared.step.n + 1 : 1}"
    sub = {
        "start": "draft",
        "params": {"n": {}},
        "nodes": [
            call(runs, "draft", "${params.n}", next={"default": "check"}),
            call(runs, "check", "${params.n + index}", map=_over("[1, 2, 3, 4]"), next={"default": "polish"}),
            call(runs, "polish", "${shared.check.map(c, c.n)}"),
        ],
    }
    one = {
        "start": "open",
        "params": {"n": {}},
        "nodes": [
            call(runs, "open", "${params.n}", next={"default": "shut"}),
            call(runs, "shut", "${shared.open.n * 10}"),
        ],
    }
    return runs.config(
        name,
        call(runs, "plan", "1", next={"default": "step"}),
        call(runs, "step", again, next={"default": "more"}),
        {
            "name": "more",
            "branch": [{"when": "shared.step.n < 4", "action": "again"}],
            "next": {"again": "step", "default": "sub"},
        },
        {"name": "sub", "flow": "sub", "input": {"n": "${shared.step.n}"}, "next": {"default": "each"}},
        call(runs, "each", "${item}", map=_over("[10, 20, 30, 40, 50, 60]"), next={"default": "runs"}),
        {
            "name": "runs",
            "flow": "one",
            "input": {"n": "${item}"},
            "map": _over("[7, 8, 9]"),
            "next": {"default": "end"},
        },
        call(runs, "end", "${shared.each.map(e, e.n)}"),
        result="${{'sub': shared.sub.n, 'runs': shared.runs.map(r, r.n), 'end': shared.end.n}}",
        flows={"sub": sub, "one": one},
    )


def _over(items: str) -> dict[str, Any]:
    return {"over": f"${{{items}}}", "parallelism": 3}


STAGES = ["plan", "step", "sub/draft", "sub/check", "sub/polish", "each", "runs", "end"]


def stage(asked: Asked) -> int:
    """Which node asked, by its place in the run."""
    key = asked.key.split("/u1", 1)[1].lstrip(":#")
    return STAGES.index(key.split(":")[0])


@pytest.mark.timeout(1200)
def test_killed_at_any_moment_a_run_goes_on_and_comes_to_the_same(runs: Runs) -> None:
    whole = runs.finish(journey(runs, "whole"))
    keys = {asked.key.replace("whole", "RUN") for asked in runs.asked("whole")}
    assert whole["result"] == {"sub": [4, 5, 6, 7], "runs": [70, 80, 90], "end": [10, 20, 30, 40, 50, 60]}
    assert len(keys) == len(runs.asked("whole")) == 1 + 4 + 6 + 6 + 6 + 1

    dice, kills, number = random.Random(4), 0, 0
    while kills < KILLS:
        number += 1
        name = f"r{number}"
        config, killed = journey(runs, name), 0
        while True:
            process, before = runs.start(config), len(runs.asked(name))
            more = dice.randint(0, 3)
            lives = process.wait_until(lambda: len(runs.asked(name)) >= before + more)  # noqa: B023 - called at once
            time.sleep(dice.uniform(0, 0.08))
            if not lives or process.process.poll() is not None:
                break
            process.process.kill()
            process.process.wait()
            killed += 1
        outcome = process.outcome()
        asked = runs.asked(name)
        kills += killed
        assert outcome["result"] == whole["result"]
        assert [node["name"] for node in outcome["nodes"]] == [node["name"] for node in whole["nodes"]]
        assert [node["visits"] for node in outcome["nodes"]] == [node["visits"] for node in whole["nodes"]]
        assert {one.key.replace(name, "RUN") for one in asked} == keys, "the same keys, however often"
        stages = [stage(one) for one in asked]
        assert stages == sorted(stages), "no node that had finished was run again"
        repeats = len(asked) - len(keys)
        assert repeats <= 3 * killed, "only what was under way was asked for again"


def test_an_answer_starts_the_next_process_at_the_node_that_asked(runs: Runs) -> None:
    gate = {"name": "gate", "approve": {"prompt": "Print ${shared.plan.n}?"}, "next": {"approve": "end"}}
    config = runs.config(
        "r1", call(runs, "plan", "1", next={"default": "gate"}), gate, call(runs, "end", "2")
    )
    waiting = {
        "for": "Approval",
        "node": "gate",
        "visit": 1,
        "prompt": "Print 1?",
        "actions": ["approve", "reject"],
    }
    for answers in ("", "[]", json.dumps([{"node": "gate", "action": "burn"}])):
        assert runs.finish(config, COVEY_ANSWERS=answers)["waiting"] == waiting
    answers = json.dumps([{"node": "gate", "action": "approve"}, {"node": "gate", "action": "reject"}])
    outcome = runs.finish(config, COVEY_ANSWERS=answers)
    assert (outcome["result"]["n"], outcome["resumedFrom"]) == ("2", "gate")
    assert [asked.path for asked in runs.asked("r1")] == ["/plan", "/end"]
    assert runs.finish(config) == outcome, "a run that has ended is not run again"
    wrong = runs.start(config, COVEY_ANSWERS="[{}]")
    assert wrong.process.wait(LONG) == 2
    assert "covey-runtime run: COVEY_ANSWERS: 0.node: Field required" in wrong.log.read_text()


def test_a_long_wait_ends_the_process(runs: Runs) -> None:
    config = runs.config("r1", {"name": "pause", "wait": {"until": "2999-01-01T00:00:00Z"}})
    waiting = {"for": "Time", "node": "pause", "visit": 1, "until": "2999-01-01T00:00:00Z"}
    assert [runs.finish(config)["waiting"] for _ in range(2)] == [waiting, waiting]


def test_a_process_that_is_told_to_stop_leaves_a_run_that_goes_on(runs: Runs) -> None:
    is_idle = runs.server.answer

    def hesitate(asked: Asked) -> Says:
        time.sleep(60 if asked.path == "/end" else 0)
        return is_idle(asked)

    runs.server.answer = hesitate
    config = runs.config("r1", call(runs, "plan", "1", next={"default": "end"}), call(runs, "end", "2"))
    process = runs.start(config)
    assert process.wait_until(lambda: len(runs.asked("r1")) == 2)
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(LONG) == 143
    assert not process.result.exists()
    runs.server.answer = is_idle
    outcome = runs.finish(config)
    assert (outcome["result"]["n"], outcome["resumedFrom"]) == ("2", "end")
    assert [asked.key.split("u1:")[1] for asked in runs.asked("r1")] == ["plan:1", "end:1", "end:1"]


def test_each_item_of_a_map_in_jobs_is_a_process_of_its_own(runs: Runs) -> None:
    over = {**_over("[5, 6]"), "isolation": "Job"}
    config = runs.config(
        "r1", call(runs, "each", "${item * 2}", map=over), result="${shared.each.map(e, e.n)}"
    )
    waiting = runs.finish(config, COVEY_LEG="r1-run")["waiting"]
    assert waiting == {
        "for": "Map",
        "node": "each",
        "visit": 1,
        "count": 2,
        "parallelism": 3,
        "generation": 1,
    }
    place = ["--path", "each", "--visit", "1", "--generation", "1"]
    for index in ("0", "1", "1"):
        item = runs.start(config, *place, role="item", JOB_COMPLETION_INDEX=index)
        assert item.outcome()["result"]["n"] == (5 + int(index)) * 2
    assert sorted(asked.key.split("u1:")[1] for asked in runs.asked("r1")) == ["each:1:0", "each:1:1"]
    assert runs.finish(config, COVEY_LEG="r1-run-2")["result"] == [10, 12]
    late = runs.start(config, *place, "--index", "1", role="item")
    assert late.process.wait(LONG) == 2
    assert (
        "covey-runtime item: --index 1: run news/r1/u1 waits for no such item of each" in late.log.read_text()
    )
