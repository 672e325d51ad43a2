"""Flows that publish on a blackboard, in a real `covey up`; a kill publishes nothing twice."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.cli.flows.run import STILL_RUNNING
from tests.laptop.boards import kitchen
from tests.laptop.conftest import PATIENCE, Covey, Running

FLOW = """
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: evening}
spec:
  params: {dishes: {type: array, default: [soup]}}
  start: order
  nodes:
    - name: order
      map: {over: "${params.dishes}", as: dish}
      publish: {blackboard: kitchen, type: Order, payload: {dish: "${dish}"}, tags: ["no-${index}"]}
      next: {default: last}
    - {name: last, tool: {builtin: clock}}
  result: "${shared.order.map(o, o.id)}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = kitchen(tmp_path / "kitchen")
    (made / "flow.yaml").write_text(FLOW)
    return made


def artifacts(covey: Covey, type_: str, count: int = 0) -> list[dict[str, Any]]:
    """All of a type, as soon as there are `count`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = json.loads(covey("board", "query", "--type", type_, "-o", "json").stdout)["items"]
        if len(found) >= count:
            return list(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def status(covey: Covey, name: str) -> dict[str, Any]:
    return dict(json.loads(covey("get", "flowrun", name, "-o", "json").stdout)["status"])


def ended(covey: Covey, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (found := status(covey, name))["phase"] not in ("Succeeded", "Failed", "Cancelled"):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@contextmanager
def locked(file: Path) -> Iterator[sqlite3.Connection]:
    """While another process writes into it, for long."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=60)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
    finally:
        connection.close()


def test_agents_consume_what_a_flow_publishes(covey: Covey, folder: Path) -> None:
    with covey.up(folder) as up:
        done = covey("run", "evening", "-p", 'dishes=["soup", "pie"]')
        assert up.wait_for("cook", 2)
        dishes = artifacts(covey, "Dish", 2)
        orders = artifacts(covey, "Order")
    assert json.loads(done.stdout) == [each["id"] for each in orders]
    assert sorted(dish["payload"]["name"] for dish in dishes) == ["pie", "soup"]
    assert {cause for dish in dishes for cause in dish["causes"]} == {each["id"] for each in orders}
    assert {(each["producer"], each["producerRole"]) for each in orders} == {("flow.evening", "agent")}
    assert sorted(each["tags"] for each in orders) == [["no-0"], ["no-1"]]


def killed_behind_the_publication(covey: Covey, up: Running, state: Path) -> str:
    """Start a run, and kill the process when the artifact is there and the run store does not know of it."""
    with locked(state / "blackboards" / "kitchen.db") as board:
        started = covey("run", "evening", "--timeout", "1s", status=STILL_RUNNING).stderr
        name = started.split()[0].partition("/")[2]
        up.wait_for("order running")
        with locked(state / "runs.db"):
            board.execute("ROLLBACK")
            artifacts(covey, "Order", 1)
            up.signal(signal.SIGKILL)
            up.end()
    return name


def test_a_kill_between_publishing_and_the_record_of_it_publishes_once(covey: Covey, folder: Path) -> None:
    with covey.up(folder) as up:
        name = killed_behind_the_publication(covey, up, up.state)
    with covey.up(folder):
        found = ended(covey, name)
        assert found["phase"] == "Succeeded"
        [order] = artifacts(covey, "Order")
        assert found["result"] == [order["id"]]
        artifacts(covey, "Dish", 1)
    with covey.up(folder):
        assert len(artifacts(covey, "Dish")) == 1


def test_a_misfit_is_told_before_the_run_or_by_it(covey: Covey, folder: Path) -> None:
    with covey.up(folder):
        done = covey("run", "evening", "-p", "dishes=[7]", status=1)
        assert 'item 0: Blackboard "kitchen" did not take the artifact: ' in done.stderr + done.stdout
        assert '/payload/dish: 7 is not of type "string"' in done.stderr + done.stdout
    file = folder / "flow.yaml"
    file.write_text(FLOW.replace('{dish: "${dish}"}', "{dish: 7}"))
    told = covey("validate", folder, status=1)
    assert "flow.yaml:11:" in told.stdout + told.stderr
    assert 'does not fit type "Order" of Blackboard "kitchen"' in told.stdout + told.stderr
