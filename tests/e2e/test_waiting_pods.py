"""Why pods wait, in the words of a real kubelet, scheduler and controllers; what a lost pod leaves behind."""

import json
from typing import Any

import pytest
import yaml

from tests.e2e.here import Here, eventually

Object = dict[str, Any]
NO_IMAGE = {"image": "registry.invalid/x:1"}


def covey(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": "covey.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def agent(name: str, **pod: object) -> Object:
    return covey("Agent", name, {"instructions": "x", "model": {"name": "parrot"}, "pod": pod})


def run(name: str, **pod: object) -> Object:
    return covey("FlowRun", name, {"agent": {"name": "fine", "input": "hi"}, "pod": pod})


MODEL = covey("Model", "parrot", {"provider": "Scripted", "script": [{"reply": "hi"}]})
SECRET = {
    "volumes": [{"name": "s", "secret": {"secretName": "nowhere"}}],
    "volumeMounts": [{"name": "s", "mountPath": "/s"}],
}
LATE = covey(
    "Flow",
    "late",
    {
        "start": "a",
        "nodes": [{"name": "a", "llm": {"model": {"name": "parrot"}, "prompt": "Go."}}],
        "run": {"deadline": "30s"},
    },
)

CASES = [
    (agent("image", **NO_IMAGE), "ImagePullFailed", "registry.invalid"),
    (run("image-run", **NO_IMAGE), "ImagePullFailed", "registry.invalid"),
    (agent("nowhere", nodeSelector={"no": "where"}), "Unschedulable", "affinity/selector"),
    (run("nowhere-run", nodeSelector={"no": "where"}), "Unschedulable", "affinity/selector"),
    (agent("volume", **SECRET), "ConfigMissing", 'secret "nowhere" not found'),
    (
        agent("env", env=[{"name": "X", "valueFrom": {"secretKeyRef": {"name": "nil", "key": "k"}}}]),
        "ConfigMissing",
        'secret "nil" not found',
    ),
]


@pytest.fixture(scope="module")
def place(here: Here) -> Here:
    """With an agent that is fine."""
    apply(here, MODEL, agent("fine"))
    here.wait("--for=condition=Ready", "agent/fine")
    return here


def apply(here: Here, *objects: Object) -> None:
    here.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))


def top(here: Here, kind: str, name: str) -> Object:
    conditions = (here.get(kind, name).get("status") or {}).get("conditions") or []
    found = [each for each in conditions if each["type"] in ("Ready", "Succeeded")]
    return found[0] if found else {}


def test_why_pods_wait(place: Here) -> None:
    apply(place, LATE, *(case[0] for case in CASES))
    late = covey("FlowRun", "late", {"flow": {"name": "late"}, "pod": NO_IMAGE})
    apply(place, late)
    for body, reason, words in CASES:
        kind, name = body["kind"], body["metadata"]["name"]

        def said(kind: str = kind, name: str = name, reason: str = reason) -> Object | None:
            found = top(place, kind, name)
            return found if found.get("reason") == reason else None

        message = eventually(said, f"{kind} {name} says {reason}, not {top(place, kind, name)}")["message"]  # type: ignore[index]  # eventually returns what is true
        assert words in message, message
        if kind == "FlowRun":
            assert place.get(kind, name)["status"]["phase"] == "Queued"
    place.wait("--for=condition=Finished", "flowrun/late")
    ended = top(place, "FlowRun", "late")
    assert (ended["status"], ended["reason"]) == ("False", "DeadlineExceeded")
    assert "ImagePullFailed" in ended["message"]


def test_a_lost_pod_leaves_an_event(place: Here) -> None:
    place.kubectl("delete", "pod", "--selector=covey.dev/agent=fine", "--wait=false")
    lost = "--field-selector=reason=PodLost"
    eventually(lambda: "fine" in place.kubectl("get", "events", lost), "an event about the lost pod")
    place.wait("--for=condition=Ready", "agent/fine")


def test_a_chat_is_found_in_the_log_by_its_trace(place: Here) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with place.door("service/fine-agent", place.secret("fine-agent", "token")) as http:
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        answer = http.post("/v1/chat", json={"message": "Hello"}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert http.post("/v1/chat", json={"message": "Hello"}).status_code == 200
    logged = place.kubectl("logs", "deployment/fine-agent").splitlines()
    lines = [line for line in map(json.loads, logged) if line.get("kind") == "agent.finished"]
    assert lines[0]["trace_id"] == trace
    assert len(lines[1]["trace_id"]) == 32
    for line in lines:
        assert (line["namespace"], line["resource_kind"], line["resource_name"]) == (
            place.namespace,
            "Agent",
            "fine",
        )
        assert line["environment"] == "default"


def test_an_exceeded_quota_is_no_missing_right(place: Here) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0", "persistentvolumeclaims": "0"}},
    }
    apply(place, quota)
    eventually(lambda: place.get("resourcequota", "none").get("status", {}).get("hard"), "the quota holds")
    types = [{"name": "T", "schema": {"type": "object"}}]
    board = covey("Blackboard", "full", {"store": {"redis": {"managed": {}}}, "artifactTypes": types})
    apply(place, agent("full"), run("full-run"), board)
    for kind, name in (("Agent", "full"), ("FlowRun", "full-run"), ("Blackboard", "full")):
        eventually(
            lambda kind=kind, name=name: top(place, kind, name).get("reason") == "QuotaExceeded",  # type: ignore[misc]  # bound in the loop
            f"{kind} {name} says QuotaExceeded",
        )
        message = top(place, kind, name)["message"]
        assert "exceeded quota: none" in message
        assert "role" not in message
