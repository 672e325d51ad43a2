"""Flows that outlive their pods: answers, kills, maps in Jobs, warm workers, triggers."""

import json
import time
from typing import Any

import pytest

from tests.e2e.here import Here, eventually

API_VERSION = "covey.dev/v1alpha1"
Manifest = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _applied(here: Here) -> None:
    here.apply("newsletter")
    here.wait("--for=condition=Ready", "agent/writer")


def start(here: Here, name: str, **spec: object) -> None:
    run: Manifest = {"apiVersion": API_VERSION, "kind": "FlowRun", "metadata": {"name": name}, "spec": spec}
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(run))


def status(here: Here, name: str) -> Manifest:
    found: Manifest = here.get("flowrun", name).get("status") or {}
    return found


def phase(here: Here, name: str, wanted: str) -> Manifest:
    def look() -> Manifest | None:
        now = status(here, name)
        assert now.get("phase") in (wanted, "Queued", "Running", "Waiting", None), now
        return now if now.get("phase") == wanted else None

    return eventually(look, f"flowrun {name} to be {wanted}") or {}


def answer(here: Here, name: str, action: str, visit: int = 1) -> None:
    given = here.get("flowrun", name)["spec"].get("answers") or []
    me = here.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").strip()
    answers = [*given, {"node": "review", "visit": visit, "action": action, "by": me}]
    here.kubectl("patch", "flowrun", name, "--type=merge", "-p", json.dumps({"spec": {"answers": answers}}))


def test_an_approval_survives_the_end_of_the_pod(here: Here) -> None:
    start(here, "monday", flow={"name": "newsletter"}, params={"topics": ["bees", "trams"]})
    waiting = phase(here, "monday", "Waiting")["waiting"]
    assert (waiting["for"], waiting["node"]) == ("Approval", "review")
    assert "* Bees dance to say where the lime trees are in flower." in waiting["prompt"]
    eventually(
        lambda: (
            here.names("pods", "--selector=covey.dev/flowrun=monday", "--field-selector=status.phase=Running")
            == []
        ),
        "no pod is left while it waits",
    )
    answer(here, "monday", "rewrite")
    eventually(lambda: (status(here, "monday").get("waiting") or {}).get("visit") == 2, "the second question")
    answer(here, "monday", "send", visit=2)
    done = phase(here, "monday", "Succeeded")
    assert done["result"].startswith("* Bees dance")
    assert done["leg"] == 3
    assert {node["name"]: node["visits"] for node in done["nodes"]} == {
        "draft": 2, "letter": 2, "review": 2, "stamp": 1
    }  # fmt: skip


def test_a_killed_pod_resumes_where_it_was(here: Here) -> None:
    graph = {
        "start": "first",
        "nodes": [
            {"name": "first", "tool": {"builtin": "clock"}, "next": {"default": "slow"}},
            {"name": "slow", "wait": {"duration": "20s"}, "next": {"default": "last"}},
            {"name": "last", "tool": {"builtin": "clock"}},
        ],
        "result": "${shared.first.time}",
    }
    start(here, "killed", flowSpec=graph)
    running = "--selector=covey.dev/flowrun=killed"
    pods = eventually(
        lambda: here.names("pods", running, "--field-selector=status.phase=Running"), "a running pod"
    )
    eventually(
        lambda: any(n["name"] == "first" for n in status(here, "killed").get("nodes") or []),
        "the first node's state while the run is under way",
    )
    here.kubectl("delete", pods[0], "--grace-period=0", "--force")
    done = phase(here, "killed", "Succeeded")
    assert done["resumedFrom"] == "slow"
    assert {node["name"]: node["visits"] for node in done["nodes"]} == {"first": 1, "slow": 1, "last": 1}


def test_items_in_pods_of_their_own(here: Here) -> None:
    graph = {
        "start": "each",
        "nodes": [
            {
                "name": "each",
                "map": {"over": "${[1, 2, 3]}", "as": "n", "parallelism": 3, "isolation": "Job"},
                "tool": {"builtin": "calculator"},
                "input": {"expression": "${n} * 10"},
                "next": {"default": "sum"},
            },
            {"name": "sum", "reduce": {"from": "each", "with": "${items.map(i, i.value)}"}},
        ],
    }
    start(here, "mapped", flowSpec=graph)
    assert phase(here, "mapped", "Succeeded")["result"] == [10, 20, 30]


def test_warm_workers_take_queued_runs(here: Here) -> None:
    flow: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "Flow",
        "metadata": {"name": "quick"},
        "spec": {
            "params": {"n": {"type": "integer"}},
            "start": "square",
            "nodes": [
                {
                    "name": "square",
                    "tool": {"builtin": "calculator"},
                    "input": {"expression": "${params.n} * ${params.n}"},
                }
            ],
            "result": "${shared.square.value}",
            "run": {"backend": "Queue"},
            "serve": {"replicas": 1, "concurrency": 2},
        },
    }
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(flow))
    here.wait("--for=condition=Ready", "flow/quick")
    for number in range(5):
        start(here, f"quick-{number}", flow={"name": "quick"}, params={"n": number})
    for number in range(5):
        assert phase(here, f"quick-{number}", "Succeeded")["result"] == number * number
    assert here.names("jobs", "--selector=covey.dev/flowrun=quick-0") == []
    worker = here.names("pods", "--selector=covey.dev/flow=quick")
    start(here, "quick-again", flow={"name": "quick"}, params={"n": 7})
    here.kubectl("delete", *worker, "--grace-period=0", "--force")
    assert phase(here, "quick-again", "Succeeded")["result"] == 49


def test_the_clock_makes_runs(here: Here) -> None:
    flow: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "Flow",
        "metadata": {"name": "ticking"},
        "spec": {
            "start": "now",
            "nodes": [{"name": "now", "tool": {"builtin": "clock"}}],
            "triggers": [{"cron": {"schedule": "* * * * *"}}],
        },
    }
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(flow))
    eventually(lambda: here.names("flowruns", "--selector=covey.dev/flow=ticking"), "a run by the clock")
    (first, *_) = here.names("flowruns", "--selector=covey.dev/flow=ticking")
    phase(here, first.rpartition("/")[2], "Succeeded")
    assert here.get("flow", "ticking")["status"]["triggers"][0]["lastTime"]
    here.kubectl("delete", "flow", "ticking", "--wait")
    eventually(lambda: not here.names("flowruns", "--selector=covey.dev/flow=ticking"), "its runs go with it")


def test_an_artifact_starts_a_run_once(here: Here) -> None:
    board: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "Blackboard",
        "metadata": {"name": "shop"},
        "spec": {
            "store": {"memory": {}},
            "artifactTypes": [{"name": "Order", "schema": {"type": "object", "required": ["amount"]}}],
        },
    }
    flow: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "Flow",
        "metadata": {"name": "ship"},
        "spec": {
            "params": {"amount": {"type": "integer"}},
            "start": "double",
            "nodes": [
                {
                    "name": "double",
                    "tool": {"builtin": "calculator"},
                    "input": {"expression": "${params.amount} * 2"},
                }
            ],
            "result": "${shared.double.value}",
            "triggers": [
                {
                    "artifact": {"blackboard": "shop", "type": "Order", "where": "payload.amount > 10"},
                    "params": {"amount": "${artifact.payload.amount}"},
                }
            ],
        },
    }
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(board))
    here.wait("--for=condition=Ready", "blackboard/shop")
    here.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(flow))
    here.wait("--for=condition=Ready", "flow/ship")
    with here.door("service/shop-blackboard", here.secret("shop-blackboard", "token")) as http:
        for amount in (5, 21):
            order = {"type": "Order", "payload": {"amount": amount}}
            http.post("/v1/artifacts", json=order).raise_for_status()
    made = "--selector=covey.dev/flow=ship,covey.dev/trigger"
    (run,) = eventually(lambda: here.names("flowruns", made), "the run of the order")
    assert phase(here, run.rpartition("/")[2], "Succeeded")["result"] == 42
    assert here.names("flowruns", made) == [run]


def test_a_run_is_paused_and_goes_on(here: Here) -> None:
    graph = {
        "start": "rest",
        "nodes": [
            {"name": "rest", "wait": {"duration": "15s"}, "next": {"default": "last"}},
            {"name": "last", "tool": {"builtin": "clock"}},
        ],
    }
    start(here, "paused", flowSpec=graph)
    pods = ("pods", "--selector=covey.dev/flowrun=paused")
    eventually(lambda: here.names(*pods, "--field-selector=status.phase=Running"), "a running pod")
    here.kubectl("patch", "flowrun", "paused", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    phase(here, "paused", "Waiting")
    eventually(lambda: not here.names(*pods), "no pod while it is paused")
    here.kubectl("patch", "flowrun", "paused", "--type=merge", "-p", '{"spec": {"suspend": false}}')
    assert {node["name"]: node["visits"] for node in phase(here, "paused", "Succeeded")["nodes"]} == {
        "rest": 1,
        "last": 1,
    }


def test_the_run_store_may_go_away_in_mid_run(here: Here) -> None:
    graph = {
        "start": "first",
        "nodes": [
            {"name": "first", "wait": {"duration": "8s"}, "next": {"default": "second"}},
            {"name": "second", "wait": {"duration": "8s"}, "next": {"default": "last"}},
            {"name": "last", "tool": {"builtin": "clock"}},
        ],
    }
    start(here, "stormy", flowSpec=graph)
    eventually(
        lambda: here.names(
            "pods", "--selector=covey.dev/flowrun=stormy", "--field-selector=status.phase=Running"
        ),
        "a running pod",
    )
    time.sleep(2)  # so that the store goes away while the first node is under way
    here.cluster.kubectl(
        "delete", "pod", "covey-runs-0", "--namespace=covey-system", "--grace-period=0", "--force"
    )
    done = phase(here, "stormy", "Succeeded")
    assert all(node["visits"] == 1 for node in done["nodes"])
