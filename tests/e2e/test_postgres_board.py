"""A blackboard on a Postgres of its own that keeps vectors, too: no pod of it is missed for long."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from hack.cluster.fault import ClusterError
from tests.e2e.here import Here, eventually

API_VERSION = "covey.dev/v1alpha1"
OF_THE_BOARD = "--selector=covey.dev/blackboard=press,app.kubernetes.io/component="

TYPES = [
    {
        "name": name,
        "schema": {
            "type": "object",
            "properties": {"title": {"type": "string"}},
            "required": ["title"],
        },
    }
    for name in ("Idea", "Plan")
]


def resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


MANIFESTS = [
    resource(
        "Model",
        "parrot",
        {"provider": "Scripted", "script": [{"reply": '{"title": "${input.payload.title}"}'}]},
    ),
    resource(
        "Blackboard",
        "press",
        {
            "store": {"postgres": {"managed": {"storage": "1Gi"}}},
            "vector": {"pgvector": {"sameAsStore": {}}},
            "artifactTypes": TYPES,
            "lease": {"ttl": "5s"},
        },
    ),
    resource(
        "Agent",
        "planner",
        {
            "instructions": "Make a plan of the idea.",
            "model": {"name": "parrot"},
            "output": {"type": "Plan"},
            "blackboard": {"name": "press", "consumes": [{"types": ["Idea"]}]},
            "publishes": [{"type": "Plan"}],
        },
    ),
]

VECTORS = """
import asyncio, json, os, sys
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.knowledge.vectors.open import make_vectors
from agent_runtime.knowledge.vectors.port import Entry

async def main():
    with open("/etc/covey/config.json") as file:
        vectors = make_vectors(BlackboardConfig.model_validate_json(file.read()), os.environ)
    if sys.argv[1] == "fill":
        await vectors.create("words", 3)
        await vectors.upsert("words", [
            Entry("bee", (1, 0.1, 0), {"lang": "en"}),
            Entry("Biene", (1, 0.2, 0), {"lang": "de"}),
            Entry("tram", (0, 0, 1), {"lang": "en"}),
        ])
    hits = await vectors.search("words", (1, 0, 0), 2, where={"lang": "en"}, min_score=0.5)
    print(json.dumps([[hit.id, round(hit.score, 3)] for hit in hits]))
    await vectors.close()

asyncio.run(main())
"""


@pytest.fixture(scope="module", autouse=True)
def _applied(here: Here) -> None:
    everything = {"apiVersion": "v1", "kind": "List", "items": MANIFESTS}
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(everything))
    here.wait("--for=condition=Ready", "blackboard/press")
    here.wait("--for=condition=Ready", "agent/planner")


@pytest.fixture(scope="module")
def acknowledged() -> list[str]:
    """Ids of all ideas that the blackboard said it has."""
    return []


def ask(here: Here, call: Callable[[httpx2.Client], httpx2.Response]) -> httpx2.Response | None:
    """An answer, or None when there is nobody to give one just now."""
    try:
        with here.door("service/press-blackboard", here.secret("press-blackboard", "token")) as http:
            answer = call(http)
    except (httpx2.TransportError, AssertionError):  # the door opens only to a pod that is ready
        return None
    return answer if answer.is_success else None


def publish(here: Here, title: str) -> str:
    """As a patient person does: again until the blackboard has it. Returns its id."""
    body = {"type": "Idea", "payload": {"title": title}}
    answer = eventually(
        lambda: ask(here, lambda http: http.post("/v1/artifacts", json=body)), f"{title} published"
    )
    assert answer is not None
    (artifact,) = answer.json()["artifacts"]
    return str(artifact["id"])


def planned(here: Here) -> set[str]:
    """Ids of the ideas of which there is a plan."""
    answer = ask(here, lambda http: http.get("/v1/artifacts", params={"type": "Plan"}))
    return (
        set()
        if answer is None
        else {cause for each in answer.json()["artifacts"] for cause in each["causes"]}
    )


def search(here: Here, how: str) -> list[list[Any]]:
    """What is found by meaning, from within a server's pod."""
    program = ("/opt/covey/bin/python", "-c", VECTORS, how)
    found: list[list[Any]] = json.loads(here.kubectl("exec", "deployment/press-blackboard", "--", *program))
    return found


@pytest.fixture(scope="module")
def _filled(here: Here) -> None:
    assert search(here, "fill") == [["bee", 0.995]]


def test_an_agent_consumes_and_publishes(here: Here, acknowledged: list[str]) -> None:
    acknowledged += [publish(here, f"before {n}") for n in range(3)]
    eventually(lambda: set(acknowledged) <= planned(here), "a plan of each idea")
    status = here.get("blackboard", "press")["status"]
    assert (status["storeReady"], status["vectorReady"]) == (True, True)


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize(
    "killed",
    [
        (f"{OF_THE_BOARD}server",),
        (f"{OF_THE_BOARD}store", "--grace-period=0", "--force"),
    ],
    ids=["server", "Postgres"],
)
def test_nothing_that_was_acknowledged_is_lost_with_a_pod(
    here: Here, acknowledged: list[str], killed: tuple[str, ...]
) -> None:
    acknowledged.append(publish(here, "just before"))
    here.kubectl("delete", "pod", *killed, "--wait=false")
    acknowledged.append(publish(here, "at once after"))
    eventually(lambda: set(acknowledged) <= planned(here), "a plan of each idea")
    here.wait("--for=condition=Ready", "blackboard/press")
    assert search(here, "again") == [["bee", 0.995]]


def test_nobody_but_the_role_of_the_servers_gets_in(here: Here) -> None:
    probe = "import asyncio, asyncpg, sys; asyncio.run(asyncpg.connect(sys.argv[1]))"
    url = here.secret("press-blackboard", "url")
    for stranger in (
        url.replace("covey:", "postgres:"),
        url.replace("@", "0@"),
        url.replace("/covey", "/postgres"),
    ):
        program = ("/opt/covey/bin/python", "-c", probe, stranger)
        with pytest.raises(ClusterError, match=r"pg_hba\.conf|password authentication failed"):
            here.kubectl("exec", "deployment/press-blackboard", "--", *program)


def test_the_claim_outlives_the_blackboard_and_is_taken_up_again(here: Here, acknowledged: list[str]) -> None:
    here.kubectl("delete", "covey", "--all", "--wait", "--timeout=120s")
    eventually(lambda: here.names("pods") == [], "no pod left")
    assert here.names("pvc") == ["persistentvolumeclaim/data-press-pg-0"]
    board = json.dumps(MANIFESTS[1])
    here.kubectl("apply", "--server-side", "-f", "-", input=board)
    here.wait("--for=condition=Ready", "blackboard/press")
    assert set(acknowledged) <= (eventually(lambda: planned(here), "the plans of before") or set())
