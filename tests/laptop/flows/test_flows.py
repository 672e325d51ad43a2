"""Runs that outlive `covey up`: answers, kills, pauses, forks, triggers."""

import getpass
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.cli.flows.run import ASKS, STILL_RUNNING
from tests.laptop.conftest import Covey, example

LETTER = "* Bees dance to say where the lime trees are in flower.\n"


@pytest.fixture
def newsletter(tmp_path: Path) -> Path:
    return example("newsletter", tmp_path)


def runs(covey: Covey) -> dict[str, Any]:
    """The FlowRuns by name."""
    items = json.loads(covey("get", "flowruns", "-o", "json").stdout)["items"]
    return {item["metadata"]["name"]: item for item in items}


def test_a_question_outlives_the_process(covey: Covey, newsletter: Path) -> None:
    with covey.up(newsletter) as up:
        asked = covey("run", "newsletter", "-p", 'topics=["bees"]', status=ASKS).stderr
        assert f"  review asks:\n  | Send this?\n  | {LETTER}" in asked
        assert f"run answer {next(iter(runs(covey)))} send\n" in asked
        (name,) = runs(covey)
        up.signal(signal.SIGKILL)
        up.end()
    with covey.up(newsletter):
        shown = covey("run", "show", name).stdout
        assert f"flowrun/{name} is Waiting (WaitingForApproval)" in shown
        assert "next comes review" in shown
        told = covey("run", "answer", name, "maybe", status=1).stderr
        assert told == "error: review cannot be answered with 'maybe': it offers send, rewrite, drop\n"
        covey("run", "answer", name, "send", "--comment", "fine")
        _until_ended(covey, name)
        told = covey("run", "answer", name, "send", status=1).stderr
        assert told == f'error: FlowRun "{name}" asks nothing now: it is Succeeded\n'
        assert re.search(rf"review +Succeeded +send .*{getpass.getuser()}", covey("run", "show", name).stdout)
        shown = covey("run", "show", name, "-o", "json").stdout
        assert json.loads(shown)["state"]["shared"]["review"] == {
            "action": "send",
            "comment": "fine",
            "by": getpass.getuser(),
        }


def test_a_killed_laptop_goes_on_where_the_run_was(covey: Covey, tmp_path: Path) -> None:
    folder = _folder(tmp_path, WITH_SIDE_EFFECTS)
    (folder / "work.py").write_text(WORK)
    journal = tmp_path / "journal"
    with covey.up(folder, JOURNAL=str(journal)) as up:
        started = covey("run", "steps", "--timeout", "1s", status=STILL_RUNNING).stderr
        name = started.split()[0].partition("/")[2]
        up.wait_for("second running")
        up.signal(signal.SIGKILL)
        up.end()
    assert [line.split()[0] for line in journal.read_text().splitlines()] == ["first", "second"]
    (tmp_path / "go-on").touch()
    with covey.up(folder, JOURNAL=str(journal)):
        _until_ended(covey, name)
        assert runs(covey)[name]["status"]["resumedFrom"] == "second"
    did = [line.split() for line in journal.read_text().splitlines()]
    assert [step for step, _ in did] == ["first", "second", "second", "third"]
    assert did[1] == did[2], "the node under way is done again under the same key"


def test_pausing_resuming_and_forking(covey: Covey, newsletter: Path) -> None:
    with covey.up(newsletter):
        covey("run", "newsletter", "-p", 'topics=["bees"]', status=ASKS)
        (name,) = runs(covey)
        assert covey("run", "suspend", name).stdout == f"flowrun/{name} suspended\n"
        assert runs(covey)[name]["status"]["conditions"][0]["reason"] == "Suspended"
        assert covey("run", "resume", name).stdout == f"flowrun/{name} resumed\n"
        forked = covey("run", "fork", name, "--at", "1").stdout
        assert forked.endswith(f"goes on where {name} stood\n")
        other = forked.split()[0].partition("/")[2]
        assert covey("run", "cancel", other).stdout == f"flowrun/{other} cancelled\n"
        told = covey("run", "cancel", other, status=1).stderr
        assert told == f'error: FlowRun "{other}" has ended: Cancelled\n'
        told = covey("run", "show", name, "--at", "99", status=1).stderr
        assert "has no boundary 99; kept are 0, 1, 2" in told


def test_an_artifact_starts_a_run_once(covey: Covey, tmp_path: Path) -> None:
    with covey.up(_folder(tmp_path, TRIGGERED)) as up:
        covey("publish", "Order", '{"dish": "soup"}')
        covey("publish", "Order", '{"dish": "water"}')
        up.wait_for("succeeded")
        (run,) = runs(covey).values()
        _until_ended(covey, run["metadata"]["name"])
        assert run["spec"]["params"] == {"dish": "soup"}
        assert run["metadata"]["labels"]["covey.dev/flow"] == "cook"


def test_a_broken_expression_at_run_time_names_node_and_field(covey: Covey, tmp_path: Path) -> None:
    with covey.up(_folder(tmp_path, POISONED)):
        told = covey("run", "poisoned", status=1).stderr
        assert 'node "a"' in told
        assert "params.count" in told


def test_the_command_reads_a_store_by_itself(covey: Covey, newsletter: Path) -> None:
    with covey.up(newsletter):
        covey("run", "newsletter", "-p", 'topics=["bees"]', status=ASKS)
        (name,) = runs(covey)
    url = f"sqlite:///{newsletter / '.covey' / 'runs.db'}"
    assert "next comes review" in covey("run", "show", f"default/{name}", "--store", url).stdout
    told = covey("run", "show", "default/nothing", "--store", url, status=1).stderr
    assert told == "error: the store has no run default/nothing\nName it NAMESPACE/NAME.\n"


def _until_ended(covey: Covey, name: str) -> None:
    for _ in range(600):
        if runs(covey)[name]["status"]["phase"] in ("Succeeded", "Failed", "Cancelled"):
            break
    assert runs(covey)[name]["status"]["phase"] == "Succeeded", runs(covey)[name]["status"]


def _folder(tmp_path: Path, manifests: str) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "all.yaml").write_text(manifests)
    return folder


WITH_SIDE_EFFECTS = """
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: steps}
spec:
  start: first
  nodes:
    - {name: first, python: {function: "work:note"}, input: {step: first}, next: {default: second}}
    - {name: second, python: {function: "work:note"}, input: {step: second, wait: true},
       next: {default: third}}
    - {name: third, python: {function: "work:note"}, input: {step: third}}
"""
WORK = """
import os, pathlib, time

def note(step, context, wait=False):
    journal = pathlib.Path(os.environ["JOURNAL"])
    with journal.open("a") as file:
        file.write(f"{step} {context.idempotency_key}\\n")
    while wait and not (journal.parent / "go-on").exists():
        time.sleep(0.05)
    return step
"""
TRIGGERED = """
apiVersion: covey.dev/v1alpha1
kind: Blackboard
metadata: {name: kitchen}
spec:
  store: {memory: {}}
  artifactTypes: [{name: Order, schema: {type: object}}]
---
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: cook}
spec:
  params: {dish: {type: string}}
  start: a
  nodes: [{name: a, tool: {builtin: clock}}]
  result: "${params.dish}"
  triggers:
    - artifact: {blackboard: kitchen, type: Order, where: "payload.dish != 'water'"}
      params: {dish: "${artifact.payload.dish}"}
"""
POISONED = """
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: poisoned}
spec:
  params: {count: {default: 0}}
  start: a
  nodes: [{name: a, tool: {builtin: calculator}, input: {expression: "${1 / params.count}"}}]
"""
