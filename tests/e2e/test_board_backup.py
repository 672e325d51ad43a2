"""A board's event log tells what is on it, and a backup brings it back when its volume is lost.

Both by what the docs tell a person to type, and nothing else.
"""

import json
import re
from functools import partial
from typing import Any

import httpx2
import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import grant_audience, mint
from tests.e2e.here import Here, eventually
from tests.paths import ROOT

API_VERSION = "covey.dev/v1alpha1"
BOARD = "newsroom"
Manifest = dict[str, Any]


def resource(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def agent(name: str, where: str) -> Manifest:
    consumes = {"types": ["Tip"], "where": where}
    spec = {
        "instructions": "Write a story about the tip.",
        "model": {"name": "writing"},
        "retry": {"maxAttempts": 1},
        "output": {"type": "Story"},
        "blackboard": {"name": BOARD, "consumes": [consumes]},
        "publishes": [{"type": "Story"}],
    }
    return resource("Agent", name, spec)


TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SCRIPT = [
    {"when": "input.payload.text == 'nonsense'", "error": "nobody can write about that"},
    {"reply": '{"text": "${input.payload.text}"}'},
]
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
MANIFESTS = [
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "copies"}, "spec": CLAIM},
    resource("Model", "writing", {"provider": "Scripted", "script": SCRIPT}),
    resource(
        "Blackboard",
        BOARD,
        {
            "store": {"redis": {"managed": {"storage": "1Gi"}}},
            "artifactTypes": [{"name": name, "schema": TEXT} for name in ("Tip", "Story")],
            "lease": {"maxDeliveries": 1},
            "eventLog": {"redis": {}},
            "backup": {"schedule": "0 3 1 1 *", "to": {"pvc": {"claimName": "copies"}}},
        },
    ),
    agent("writer", "payload.text != 'later'"),
    agent("sleeper", "payload.text == 'later'"),
]


def recipes(page: str) -> list[str]:
    """What a page of the docs tells a person to type, block by block."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


MAKE, LOOK, STOP, EMPTY, RESTORE = recipes("backup.md")
(REPLAY,) = recipes("event-log.md")


@pytest.fixture(scope="module", autouse=True)
def _applied(here: Here) -> None:
    everything = {"apiVersion": "v1", "kind": "List", "items": MANIFESTS}
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(everything))
    for name in ("writer", "sleeper"):
        here.wait("--for=condition=Ready", f"agent/{name}")


def suspend(here: Here, name: str, *, yes: bool) -> None:
    here.kubectl("patch", "agent", name, "--type=merge", "-p", json.dumps({"spec": {"suspend": yes}}))


def publish(here: Here, *texts: str) -> None:
    here.wait("--for=condition=Ready", f"blackboard/{BOARD}")
    with here.door(f"service/{BOARD}-blackboard", here.secret(f"{BOARD}-blackboard", "token")) as http:
        for text in texts:
            eventually(partial(taken, http, text), f"{text} is taken")


def taken(http: httpx2.Client, text: str) -> bool:
    """A store that has just come back may have no name yet, for a moment: 503."""
    answer = http.post("/v1/artifacts", json={"type": "Tip", "payload": {"text": text}})
    assert answer.status_code in (201, 503), answer.text
    return bool(answer.status_code == 201)


def stories(here: Here) -> set[str]:
    return {each["payload"]["text"] for each in here.artifacts(BOARD, "Story")}


def stories_of(here: Here, text: str) -> set[str]:
    """After one more tip."""
    publish(here, text)
    return stories(here)


def standing(here: Here) -> Manifest:
    """All that an admin can see on the board."""
    audience = grant_audience(here.namespace, BOARD)
    token = mint(here.secret(f"{BOARD}-blackboard", "key"), Identity("ann", "admin"), audience)
    with here.door(f"service/{BOARD}-blackboard", token) as http:
        artifacts, letters = (http.get(f"/v1/{what}").json() for what in ("artifacts", "deadletters"))
    return {"artifacts": artifacts["artifacts"], "dead letters": letters["deadLetters"]}


def told(here: Here) -> str:
    """What the log tells."""
    tunnel, _, look = REPLAY.partition("&\n")
    assert "port-forward statefulset/newsroom-redis 6379" in tunnel
    with here.forwarded(f"statefulset/{BOARD}-redis", 6379) as port:
        there = look.replace("s/@.*:/@localhost:/", f"s/@.*:6379/@localhost:{port}/")
        there = there.replace("-n news ", "").replace("news/newsroom", f"{here.namespace}/newsroom")
        return here.shell(there)


def test_what_was_on_the_board_is_there_again(here: Here) -> None:
    suspend(here, "sleeper", yes=True)
    eventually(lambda: not here.names("pods", "--selector=covey.dev/agent=sleeper"), "the sleeper sleeps")
    publish(here, "bees", "trams", "nonsense", "later")
    eventually(lambda: stories(here) == {"bees", "trams"}, "two stories")
    before = eventually(lambda: (now := standing(here))["dead letters"] and now, "a dead letter")
    assert len(before["artifacts"]) == 6
    found = "found: 6 artifacts, 1 open deliveries, 1 dead letters, 2 subscribers\n"
    eventually(lambda: told(here) == found, "the log tells it all")

    made = json.loads(here.shell(MAKE).splitlines()[-1])
    assert made["contents"] == "6 artifacts, 2 subscribers, 1 deliveries, 1 dead letters"
    listed = json.loads(here.shell(LOOK).splitlines()[-1])
    assert (listed["event"], listed["file"]) == ("can be restored", made["file"])

    here.shell(EMPTY)  # as it happens: under agents that are at work, and go on
    eventually(lambda: stories_of(here, "lost") == {"lost"}, "agents subscribe to the empty board")

    here.shell(STOP)
    here.shell(EMPTY)
    here.shell(RESTORE.replace("/backup/FILE", made["file"]))
    here.wait("--for=condition=Ready", f"blackboard/{BOARD}")
    assert standing(here) == before
    eventually(lambda: told(here) == found, "the log, which was lost too, tells it all again")
    suspend(here, "sleeper", yes=False)
    publish(here, "news")
    eventually(lambda: stories(here) == {"bees", "trams", "later", "news"}, "work goes on where it was")
