"""Artifacts travel between agents' pods through the blackboard's pod and a Redis pod, and outlive them."""

import json
from typing import Any

import pytest

from tests.e2e.here import Here, eventually
from tests.paths import ROOT

AGENTS = ("researcher", "analyst", "editor")


@pytest.fixture(scope="module", autouse=True)
def _applied(here: Here) -> None:
    here.apply("newsroom")


def artifacts(here: Here, kind: str) -> list[dict[str, Any]]:
    return here.artifacts("newsroom", kind)


def test_the_report_is_written_by_pods(here: Here) -> None:
    for agent in AGENTS:
        here.wait("--for=condition=Ready", f"agent/{agent}")
    with here.door("service/newsroom-blackboard", here.secret("newsroom-blackboard", "token")) as http:
        body = (ROOT / "examples/newsroom/assignment.json").read_text()
        answer = http.post("/v1/artifacts", json={"type": "Assignment", "payload": json.loads(body)})
        assert answer.status_code == 201, answer.text
    report = eventually(lambda: artifacts(here, "Report"), "a Report on the blackboard")[0]
    assert report["producer"] == "editor"
    assert "council-minutes.txt" in report["payload"]["markdown"]


def test_a_flow_publishes_and_agents_consume_it(here: Here) -> None:
    payload = json.loads((ROOT / "examples/newsroom/assignment.json").read_text())
    publish = {"blackboard": "newsroom", "type": "Assignment", "payload": payload, "tags": ["by-a-flow"]}
    run = {
        "apiVersion": "covey.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {"name": "assigns"},
        "spec": {"flowSpec": {"start": "tell", "nodes": [{"name": "tell", "publish": publish}]}},
    }
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(run))

    def ended() -> dict[str, Any] | None:
        status: dict[str, Any] = here.get("flowrun", "assigns").get("status") or {}
        assert status.get("phase") != "Failed", status
        return status if status.get("phase") == "Succeeded" else None

    told = (eventually(ended, "the run to be over") or {})["result"]
    [assignment] = [each for each in artifacts(here, "Assignment") if each["producer"] == "run.assigns"]
    assert (told["id"], told["correlation"]) == (assignment["id"], assignment["correlation"])
    eventually(
        lambda: [each for each in artifacts(here, "Report") if each["correlation"] == told["correlation"]],
        "a Report that came of it",
    )


def test_the_blackboard_refuses_a_stranger(here: Here) -> None:
    with here.door("service/newsroom-blackboard") as http:
        answer = http.get("/v1/artifacts")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"]


def test_artifacts_outlive_the_pods_of_store_and_server(here: Here) -> None:
    before = {each["id"] for each in artifacts(here, "Report")}
    assert before
    here.kubectl("delete", "pod", "newsroom-redis-0", "--grace-period=0", "--force", "--wait")
    here.kubectl(
        "delete", "pod", "--selector=covey.dev/blackboard=newsroom,app.kubernetes.io/component=server"
    )
    here.wait("--for=condition=Ready", "blackboard/newsroom")
    assert before <= {each["id"] for each in artifacts(here, "Report")}


def test_the_claim_outlives_the_blackboard(here: Here) -> None:
    here.kubectl("delete", "covey", "--all", "--wait", "--timeout=120s")
    ours = "--selector=app.kubernetes.io/managed-by=covey-operator"
    eventually(lambda: not here.names("pods,services,deployments,statefulsets,secrets", ours), "nothing left")
    assert here.names("pvc") == ["persistentvolumeclaim/data-newsroom-redis-0"]
