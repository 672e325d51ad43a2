"""What models, payloads, errors, comments and names hold is shown on a terminal, and never obeyed."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from agent_runtime.cli.main import app
from tests.laptop.conftest import COVEY, PATIENCE, Covey, Running
from tests.laptop.terminal import Terminal

HOSTILE = (
    "A\x1b]0;pwned\x07B\x1b[2JC\x1b[31;7mD\x9b1mE\rF\b\bG\u202eH\u2066I\u2069J\u200bK\u2028L[bold]M[/bold]"
    "[link=http://evil.example]N[/link] \x1b]8;;http://evil.example\x1b\\O\x1b]8;;\x1b\\\nerror: forged"
)
OURS = re.compile(rb"\x1b\[(31|1|0)m")
"""The colours of `error:`."""
NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]")

RESOURCES = [
    ("Model", "liar", {"provider": "Scripted", "script": [{"reply": HOSTILE}]}),
    ("Model", "broken", {"provider": "Scripted", "script": [{"error": HOSTILE}]}),
    (
        "Agent",
        "talker",
        {"model": {"name": "liar"}, "description": HOSTILE, "serving": {"auth": {"none": {}}}},
    ),
    (
        "Agent",
        "failer",
        {
            "model": {"name": "broken"},
            "blackboard": {"name": "board", "consumes": [{"types": ["Note"]}]},
            "publishes": [{"type": "Dish"}],
        },
    ),
    (
        "Blackboard",
        "board",
        {
            "store": {"memory": {}},
            "lease": {"maxDeliveries": 1},
            "artifactTypes": [
                {"name": "Note", "schema": {"type": "object"}},
                {"name": "Dish", "schema": {"type": "object"}},
            ],
        },
    ),
    (
        "Flow",
        "ask",
        {
            "start": "say",
            "nodes": [
                {
                    "name": "say",
                    "llm": {"model": {"name": "liar"}, "prompt": HOSTILE},
                    "next": {"default": "review"},
                },
                {
                    "name": "review",
                    "approve": {"prompt": "Send ${shared.say}?", "actions": ["yes", "no"]},
                    "next": {"no": "fail"},
                },
                {"name": "fail", "llm": {"model": {"name": "broken"}, "prompt": "x"}},
            ],
            "result": "${shared.say}",
        },
    ),
]


def manifests(folder: Path) -> Path:
    """A folder of resources whose texts are all hostile."""
    folder.mkdir()
    for kind, name, spec in RESOURCES:
        manifest = {
            "apiVersion": "covey.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "labels": {"team": "x"}, "annotations": {"note": HOSTILE}},
            "spec": spec,
        }
        (folder / f"{kind}-{name}.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return folder


def harmless(seen: bytes) -> str:
    """What was seen, which must hold no control character besides ours and the ends of lines."""
    text = OURS.sub(b"", seen).replace(b"\r\n", b"\n").decode()
    found = NOT_SHOWN.search(text)
    assert found is None, f"{found.group()!r} in {text[max(0, found.start() - 80) : found.end() + 40]!r}"
    return text


class Place:
    """A `covey up` full of hostile texts, and the names of what is in it."""

    def __init__(self, covey: Covey, running: Running) -> None:
        self.covey = covey
        covey("publish", f"Note={json.dumps({'text': HOSTILE, HOSTILE: 1})}", "--correlation", "c")
        running.wait_for("gives up")
        self.names = {
            "ARTIFACT": json.loads(covey("get", "artifacts", "-o", "json").stdout)["items"][0]["id"],
            "LETTER": json.loads(covey("board", "deadletters", "-o", "json").stdout)["items"][0]["delivery"],
            "URL": running.url,
            "HOSTILE": HOSTILE,
        }
        for name in ("RUN", "FAILED", "OTHER"):
            covey("run", "ask", "--detach")
            self.names[name] = max(self.runs(), key=lambda run: run["metadata"]["creationTimestamp"])[
                "metadata"
            ]["name"]
            running.wait_for(f"{self.names[name]}", times=1)
            self.wait(self.names[name], "Waiting")
        covey("run", "answer", self.names["FAILED"], "no", "--comment", HOSTILE)
        self.wait(self.names["FAILED"], "Failed")

    def runs(self) -> list[dict[str, Any]]:
        """All runs."""
        return list(json.loads(self.covey("get", "runs", "-o", "json").stdout)["items"])

    def wait(self, run: str, phase: str) -> None:
        """Until the run is in this phase."""
        deadline = time.monotonic() + PATIENCE
        while self.phase(run) != phase:
            assert time.monotonic() < deadline, self.phase(run)

    def phase(self, run: str) -> str:
        """How the run stands."""
        return str(json.loads(self.covey("get", "run", run, "-o", "json").stdout)["status"]["phase"])

    def on_a_terminal(self, line: str) -> str:
        """What a person sees of the command."""
        words = [self.names.get(word, word) for word in line.split()]
        with Terminal([str(COVEY), *words], self.covey.environ, self.covey.home) as terminal:
            terminal.end()
            return harmless(terminal.seen)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    covey = Covey(home)
    with covey.up(manifests(home / "folder")) as running:
        yield Place(covey, running)
        harmless(running.output.encode())
        harmless((running.state / "covey.log").read_bytes())


SHOWN = re.escape("\\x1b[31;7mD")
"""A part of the hostile text, as it is shown."""
IN_YAML = re.escape("\\e[31;7mD")
COMMANDS = {
    "completion bash": "",
    "get": "",
    "get -o yaml": IN_YAML,
    "get -o json": re.escape("\\u001b[31;7mD"),
    "get agents -o wide": "",
    "get runs": SHOWN,
    "get artifacts": "",
    "get artifacts -o yaml": IN_YAML,
    "get artifact ARTIFACT": IN_YAML,
    "get HOSTILE": SHOWN,
    "get agent HOSTILE": SHOWN,
    "chat talker hi": SHOWN,
    "chat failer hi": SHOWN,
    "chat HOSTILE hi": SHOWN,
    "run ask --detach": "",
    "run start HOSTILE": SHOWN,
    "run show RUN": r"\| Send A" + ".*" + SHOWN,
    "run show FAILED": SHOWN,
    "run show FAILED -o json": "",
    "run answer RUN HOSTILE": "at most 63",
    "run answer FAILED yes": "",
    "run follow FAILED": SHOWN,
    "run suspend OTHER": "",
    "run resume OTHER": "",
    "run fork OTHER": "",
    "run cancel OTHER": "",
    "logs": SHOWN,
    "logs -o json": "",
    "board query": "",
    "board query -o json": "",
    "board show ARTIFACT": re.escape("\\u001b[31;7mD"),
    "board watch --count 1": "",
    "board watch --count 1 -o json": re.escape("\\u2028L"),
    "board explain ARTIFACT failer": "",
    "board explain ARTIFACT HOSTILE": "",
    "board stats": "",
    "board deadletters": r"A\\x1b\]0;pwned",
    "board deadletters -o json": "",
    "board deadletters show LETTER": "",
    "board deadletters replay LETTER": "",
    "board deadletters drop HOSTILE": "",
    "board publish Note=HOSTILE": "",
    "publish HOSTILE={}": "",
    "publish Note={} -b HOSTILE": SHOWN,
    "board backup --store sqlite:///HOSTILE --board ns/b --to HOSTILE": "",
    "board restore HOSTILE --store HOSTILE --board ns/b": "",
    "board verify HOSTILE": "",
    "replay --log nats://HOSTILE --board HOSTILE": "",
    "token HOSTILE --name HOSTILE": SHOWN,
    "validate HOSTILE": SHOWN,
    "validate bad": SHOWN,
    "apply bad": SHOWN,
    "apply folder": "",
    "up bad": SHOWN,
    "flow check folder": "",
    "flow draw folder --format mermaid": "",
    "flow draw ask --run FAILED": "",
    "flow draw HOSTILE": SHOWN,
    "delete agent HOSTILE": SHOWN,
    "init HOSTILE": "",
    "version": "",
    "HOSTILE": SHOWN,
    "get --HOSTILE": "",
}


@pytest.mark.parametrize("line", COMMANDS)
def test_no_command_lets_a_terminal_obey(place: Place, line: str) -> None:
    bad = place.covey.home / "bad"
    if not bad.exists():
        bad.mkdir()
        spec = {"provider": HOSTILE, HOSTILE: 1}
        names = {"apiVersion": HOSTILE, "kind": HOSTILE, "metadata": {"name": HOSTILE}, "spec": spec}
        model = {**names, "apiVersion": "covey.dev/v1alpha1", "kind": "Model", "metadata": {"name": "m"}}
        (bad / "\x1b]0;x\x07.yaml").write_text(yaml.safe_dump_all([names, model]), encoding="utf-8")
    seen = place.on_a_terminal(line)
    assert re.search(COMMANDS[line], seen, re.DOTALL), seen


def test_every_command_is_tried() -> None:
    def leaves(command: Any, path: str) -> Iterator[str]:
        inner = getattr(command, "commands", {})
        for name, each in inner.items():
            yield from leaves(each, f"{path} {name}".strip())
        if not inner:
            yield path

    tried = [line.replace("run ask", "run start") for line in COMMANDS]
    wanted = list(leaves(get_command(app), ""))
    assert [path for path in wanted if not any(line.startswith(path) for line in tried)] == []


def test_the_question_that_a_person_approves_shows_what_it_holds(place: Place) -> None:
    with Terminal([COVEY, "run", "ask"], place.covey.environ, place.covey.home) as terminal:
        terminal.wait_for("Answer")
        terminal.type("yes\n")
        assert terminal.end() == 0
        seen = harmless(terminal.seen)
    assert "\\u202eH" in seen
    assert "\n  | error: forged" in seen, "each line of the question has its margin"


def test_a_picture_that_moves_shows_it_too(place: Place) -> None:
    folder = manifests(place.covey.home / "job")
    words = [str(COVEY), "up", str(folder), "--publish", "Note={}", "--until", "Dish"]
    with Terminal(words, place.covey.environ, place.covey.home) as terminal:
        assert terminal.end() == 1
    for sequence in (b"\x1b]0;", b"\x1b]8;", b"\x1b[31;7m", "\x9b".encode(), "\u202e".encode()):
        assert sequence not in terminal.seen
