"""The first ten minutes of a user: apply, wait, chat, run a flow, delete."""

import json

import pytest

from tests.e2e.here import Here, eventually


@pytest.fixture(scope="module", autouse=True)
def _applied(here: Here) -> None:
    here.apply("hello")


def test_the_agent_answers_over_http(here: Here) -> None:
    here.wait("--for=condition=Ready", "agent/polly")
    with here.door("service/polly-agent") as http:
        reply = http.post("/v1/chat", json={"message": "Hello"}).json()
    assert reply["reply"] == "You said: Hello"


def test_kubectl_shows_it(here: Here) -> None:
    here.wait("--for=condition=Ready", "agent/polly")
    table = here.kubectl("get", "covey")
    assert "agent.covey.dev/polly" in table
    assert "flow.covey.dev/greet" in table
    assert "model.covey.dev/parrot" in table
    assert "instructions" in here.kubectl("explain", "agent.spec")


def test_the_agent_scales_by_its_scale_subresource(here: Here) -> None:
    here.kubectl("scale", "agent/polly", "--replicas=2")
    eventually(lambda: here.get("agent", "polly")["status"].get("readyReplicas") == 2, "two ready replicas")
    here.kubectl("scale", "agent/polly", "--replicas=1")
    here.wait("--for=condition=Ready", "agent/polly")


def test_a_run_succeeds_and_its_result_is_in_the_status(here: Here) -> None:
    here.wait("--for=condition=Ready", "agent/polly")
    run = {
        "apiVersion": "covey.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {"name": "greet-ada"},
        "spec": {"flow": {"name": "greet"}, "params": {"name": "Ada", "loud": True}},
    }
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(run))
    here.wait("--for=condition=Succeeded", "flowrun/greet-ada")
    status = here.get("flowrun", "greet-ada")["status"]
    assert status["phase"] == "Succeeded"
    assert status["result"] == "You said: YOU SAID: HELLO, ADA!"
    assert [node["name"] for node in status["nodes"]] == ["ask", "volume", "shout"]


def test_deleting_leaves_nothing(here: Here) -> None:
    here.kubectl("delete", "covey", "--all", "--wait", "--timeout=120s")
    kinds = (
        "pods,jobs,deployments,statefulsets,services,secrets,configmaps,networkpolicies,poddisruptionbudgets"
    )
    ours = "--selector=app.kubernetes.io/managed-by=covey-operator"
    eventually(lambda: not here.names(kinds, ours), "nothing of ours left")
    assert here.names("serviceaccounts", ours) == []
