"""The commands that talk to a running `covey up`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laptop.boards import kitchen
from tests.laptop.conftest import Covey, example


@pytest.mark.parametrize(
    "command",
    [
        ["get"],
        ["chat", "polly", "hi"],
        ["run", "greet"],
        ["publish", "Order", "{}"],
        ["logs"],
        ["delete", "agent", "x"],
    ],
)
def test_without_a_server_they_say_how_to_start_one(covey: Covey, command: list[str]) -> None:
    told = covey(*command, status=2).stderr
    assert told == "error: covey up is not running\nStart it with: covey up DIR\n"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Covey]:
    """The command in a home where the example `hello` is up, for what leaves no traces that others mind."""
    home = tmp_path_factory.mktemp("home")
    covey = Covey(home)
    with covey.up(example("hello", home)):
        yield covey


def test_chat(up: Covey) -> None:
    assert up("chat", "polly", "Hello").stdout == "You said: Hello\n"
    talk = up("chat", "polly", input="Hi\nWhat is your name?\n").stdout
    assert talk == "You said: Hi\nI am Polly. I answer from a script, and I cost nothing.\n"
    told = up("chat", "molly", "Hello", status=1).stderr
    assert told == 'error: there is no Agent "molly"; there are: polly\n'


def test_run(up: Covey) -> None:
    done = up("run", "greet", "-p", "name=Ada", "-p", "loud=true")
    assert done.stdout == "You said: YOU SAID: HELLO, ADA!\n"
    assert [line for line in done.stderr.splitlines() if "succeeded" in line] == [
        "  ask: succeeded",
        "  volume: succeeded",
        "  shout: succeeded",
    ]
    told = up("run", "greet", "-p", "nme=Ada", status=1).stderr
    assert told == "error: spec.params.nme: the flow has no such parameter, it has name, loud\n"
    assert "Succeeded" in up("get", "runs").stdout


def test_publish_and_get(covey: Covey, tmp_path: Path) -> None:
    with covey.up(kitchen(tmp_path / "kitchen")) as up:
        assert covey("publish", "Order", '{"dish": "soup"}').stdout.startswith("Order ")
        up.wait_for("published Dish")
        (covey.home / "order.yaml").write_text("dish: stew\n")
        covey("publish", "Order", "@order.yaml", "--correlation", "table-4")
        up.wait_for("published Dish", times=2)
        items = json.loads(covey("get", "artifacts", "-o", "json").stdout)["items"]
        assert [item["type"] for item in items] == ["Order", "Dish", "Order", "Dish"]
        assert [item["producer"] for item in items] == ["user", "cook", "user", "cook"]
        assert items[3]["correlation"] == "table-4"
        assert covey("get", "artifacts").stdout.splitlines()[0].split() == [
            "ID", "TYPE", "PRODUCER", "CORRELATION", "AGE", "CONTENT"
        ]  # fmt: skip
        told = covey("publish", "Order", '{"dsh": 1}', status=1).stderr
        assert "/payload: " in told
        assert "'dsh' was unexpected" in told
        assert "unknown_type" not in told
        assert "there is no type 'Odor' on this board; it knows Dish, Order" in (
            covey("publish", "Odor", "{}", status=1).stderr
        )


def test_get_shows_what_kubectl_shows(up: Covey) -> None:
    lines = up("get").stdout.splitlines()
    assert lines[0].split() == ["NAME", "READY", "PATTERN", "MODEL", "REPLICAS", "AGE"]
    assert lines[1].split()[:5] == ["agent/polly", "True", "Chat", "parrot", "1"]
    status = json.loads(up("get", "ag", "polly", "-o", "json").stdout)["status"]
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [
        ("Accepted", "True", "Valid"),
        ("ResolvedRefs", "True", "Resolved"),
        ("Ready", "True", "RolledOut"),
    ]
    assert up("get", "agents", "-o", "name").stdout == "agent/polly\n"
    told = up("get", "pods", status=2).stderr
    assert told.startswith("error: there is no kind 'pods'\nThere are agents (ag), ")


def test_apply_and_delete(covey: Covey, hello: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.yaml"
    second.write_text(
        "apiVersion: covey.dev/v1alpha1\nkind: Agent\nmetadata: {name: molly}\n"
        "spec: {model: {name: parrot}}\n"
    )
    with covey.up(hello):
        assert covey("apply", second).stdout == "agent/molly created\n"
        assert covey("apply", second).stdout == "agent/molly unchanged\n"
        assert covey("chat", "molly", "Hi").stdout == "You said: Hi\n"
    with covey.up(hello):
        assert covey("chat", "molly", "Hi").stdout == "You said: Hi\n", "what was applied is kept"
        assert covey("delete", "agent", "molly").stdout == "agent/molly deleted\n"
        assert 'there is no Agent "molly"' in covey("delete", "agent", "molly", status=1).stderr
        told = covey("delete", "agent", "polly", status=1).stderr
        assert told == f'error: Agent "polly" stands in {hello}/agent.yaml:1: change it there\n'


def test_logs(up: Covey) -> None:
    up("chat", "polly", "Hi")
    said = [line.split("  ", 1)[1] for line in up("logs", "polly", "--tail", "2").stdout.splitlines()]
    assert said == ["polly          answers a message", "polly          answered"]
    events = [json.loads(line) for line in up("logs", "-o", "json").stdout.splitlines()]
    assert [event["kind"] for event in events][-2:] == ["agent.started", "agent.finished"]
    assert up("logs", "nobody").stdout == ""


def test_version(covey: Covey) -> None:
    assert covey("version").stdout.startswith("covey ")
