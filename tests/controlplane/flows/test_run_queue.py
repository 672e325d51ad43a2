"""Runs by warm workers, and progress of Jobs: a real API server, a real runs server, and workers played."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import orjson
import pytest

from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.durable.port import Boundary, Entry
from agent_runtime.runs.queue.client import HttpQueue
from agent_runtime.runs.queue.port import TaskLease
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.played import end_job, start_job
from tests.controlplane.rig import Rig
from tests.controlplane.runs_process import RunsProcess, give_install_key

T = TypeVar("T")
OUTCOME: Object = {"result": 42, "nodes": [], "usage": {"inputTokens": 1, "outputTokens": 2}}
ASKS: Object = {"for": "Approval", "node": "write", "visit": 1, "prompt": "Go?", "actions": ["yes", "no"]}


@dataclass(frozen=True)
class Place:
    """A namespace with an operator of its own, and the runs server."""

    api: Api
    rig: Rig
    server: RunsProcess

    def work(self, do: Callable[[HttpQueue], Awaitable[T]]) -> T:
        """As a worker of the flow `report`."""

        async def working() -> T:
            queue = self.server.worker(f"{self.api.namespace}/report")
            try:
                return await do(queue)
            finally:
                await queue.close()

        return asyncio.run(working())

    def take(self) -> TaskLease:
        """The next run of the queue."""
        name = f"{self.api.namespace}/report"
        ticket = self.work(lambda queue: queue.take(name, "worker-1", 600, wait=30))
        assert ticket is not None
        return ticket

    def finish(self, ticket: TaskLease, **told: object) -> None:
        """The worker is done with it."""
        self.work(lambda queue: queue.finish(ticket, orjson.dumps({**OUTCOME, **told})))

    def at_store(self, do: Callable[[HttpRunStore], Awaitable[T]]) -> T:
        """Something about checkpoints."""

        async def asking() -> T:
            store = self.server.store()
            try:
                return await do(store)
            finally:
                await store.close()

        return asyncio.run(asking())

    def phase(self, wanted: str) -> Object:
        """The status, as soon as it has that phase."""

        def reached() -> Object | None:
            status: Object = self.api.there("FlowRun", "monday").get("status") or {}
            return status if status.get("phase") == wanted else None

        return until(f"phase {wanted}", reached)

    def says(self, reason: str) -> Object:
        """The condition, as soon as it gives that reason."""
        return says_of(self.api, "FlowRun", "monday", reason, top="Succeeded")


@pytest.fixture
def place(control_plane: ControlPlane, api: Api, tmp_path: Path) -> Iterator[Place]:
    give_install_key(api)
    server = RunsProcess(tmp_path)
    server.start()
    url = {"COVEY_RUN_STORE_URL": server.url}
    try:
        with Rig(control_plane.kubeconfig, api, tmp_path, COVEY_RUN_STORE="true", **url) as rig:
            api.apply(make.model(), make.flow(serve={"replicas": 1}, run={"backend": "Queue"}))
            yield Place(api, rig, server)
    finally:
        server.kill()


def test_a_run_is_taken_by_a_worker_and_its_outcome_becomes_the_status(place: Place) -> None:
    place.api.apply(make.flow_run())
    ticket = place.take()
    told = orjson.loads(ticket.body)
    assert (told["config"]["name"], told["answers"]) == ("monday", [])
    assert place.phase("Running")["leg"] == 1
    place.finish(ticket)
    status = place.phase("Succeeded")
    assert (status["result"], status["usage"]) == (42, OUTCOME["usage"])
    assert status["finishedAt"]
    assert place.api.list("Job") == []
    until("the queue forgets it", lambda: not changes(place))


def changes(place: Place) -> list[tuple[int, str]]:
    """Every run that the queues know."""

    async def asking() -> list[tuple[int, str]]:
        queue = place.server.queue()
        try:
            return await queue.changes(0, 100)
        finally:
            await queue.close()

    return asyncio.run(asking())


def test_progress_shows_while_a_worker_is_at_work(place: Place) -> None:
    place.api.apply(make.flow_run())
    ticket = place.take()
    node = {"name": "write", "state": "Running", "visits": 1}
    progress = orjson.dumps({"nodes": [node]})
    place.work(lambda queue: queue.heartbeat(ticket, 600, progress))
    until("the node is in the status", lambda: place.phase("Running").get("nodes") == [node])


def test_a_person_answers_a_queued_run(place: Place) -> None:
    place.api.apply(make.flow_run())
    place.finish(place.take(), result=None, waiting=ASKS)
    place.says("WaitingForApproval")
    assert place.phase("Waiting")["waiting"] == ASKS
    place.api.edit("FlowRun", "monday", {"spec": {"answers": [{"node": "write", "action": "yes"}]}})
    second = place.take()
    assert [each["action"] for each in orjson.loads(second.body)["answers"]] == ["yes"]
    assert (place.phase("Running")["leg"], place.phase("Running").get("waiting")) == (2, None)
    place.finish(second)
    place.phase("Succeeded")


def test_suspending_and_cancelling_reach_the_worker(place: Place) -> None:
    place.api.apply(make.flow_run())
    ticket = place.take()
    place.phase("Running")
    wants(place, {"suspend": True}, ticket, "Suspend")
    place.work(lambda queue: queue.heartbeat(ticket, 0))
    place.says("Suspended")
    place.api.edit("FlowRun", "monday", {"spec": {"suspend": False}})
    again = place.take()
    wants(place, {"cancel": True}, again, "Cancel")
    place.work(lambda queue: queue.heartbeat(again, 0))
    place.phase("Cancelled")


def wants(place: Place, spec: Object, ticket: TaskLease, wanted: str) -> None:
    place.api.edit("FlowRun", "monday", {"spec": spec})
    until(f"{wanted} arrives", lambda: place.work(lambda queue: queue.heartbeat(ticket, 600)) == wanted)


def test_a_server_that_is_away_delays_and_loses_nothing(place: Place) -> None:
    place.api.apply(make.flow_run())
    ticket = place.take()
    place.phase("Running")
    place.server.kill()
    place.rig.touch("FlowRun", "monday")
    assert "does not answer" in place.says("RunStoreAway")["message"]
    place.api.apply(make.flow_run("tuesday"))
    place.server.start()
    place.finish(ticket)
    place.phase("Succeeded")
    assert place.take().run.split("/")[1] == "tuesday"


def test_what_happened_while_the_operator_was_dead_is_caught_up_with(place: Place) -> None:
    place.api.apply(make.flow_run())
    ticket = place.take()
    place.phase("Running")
    place.rig.operator.kill()
    place.finish(ticket)
    place.rig.operator.start()
    place.phase("Succeeded")


def test_a_run_that_is_deleted_leaves_nothing_behind(place: Place) -> None:
    place.api.apply(make.flow_run(backend="Job"))
    until("the Job", lambda: place.api.get("Job", "monday-run"))
    run = checkpoint(place, 0)
    place.api.delete("FlowRun", "monday")
    until("its checkpoints have gone", lambda: not history(place, run))


def test_what_was_deleted_while_the_operator_was_dead_leaves_nothing_behind(place: Place) -> None:
    place.api.apply(make.flow_run(backend="Job"))
    until("the Job", lambda: place.api.get("Job", "monday-run"))
    run = checkpoint(place, 0)
    place.rig.operator.kill()
    place.api.delete("FlowRun", "monday")
    until("the run has gone", lambda: place.api.get("FlowRun", "monday") is None)
    place.rig.operator.start()
    until("its checkpoints have gone", lambda: not history(place, run))


def test_nodes_that_a_job_has_passed_show_in_the_status(place: Place) -> None:
    place.api.apply(make.flow_run(backend="Job"))
    until("the Job", lambda: place.api.get("Job", "monday-run"))
    start_job(place.api, "monday-run")
    place.phase("Running")
    for number, node in enumerate(("plan", "write"), 1):
        checkpoint(place, number, node)
        until(f"{node} is in the status", partial(has_passed, place, node))
    end_job(place.api, "monday-run", orjson.dumps(OUTCOME).decode())
    place.phase("Succeeded")
    assert nodes(place) == ["plan", "write"]


def has_passed(place: Place, node: str) -> bool:
    return node in nodes(place)


def nodes(place: Place) -> list[str]:
    status = place.api.there("FlowRun", "monday").get("status") or {}
    return [node["name"] for node in status.get("nodes") or ()]


def checkpoint(place: Place, number: int, node: str = "") -> str:
    """As the run's pod would commit it; returns the run's id."""
    uid = place.api.there("FlowRun", "monday")["metadata"]["uid"]
    run = f"{place.api.namespace}/monday/{uid}"
    boundary = Boundary(number, node, 1 if node else 0, "default" if node else None, datetime.now(UTC))

    async def commit(store: HttpRunStore) -> None:
        writer = await store.acquire(run, "pod", 60, take_over=True)
        await store.commit(writer, [Entry(boundary, b"{}")], keep=20)

    place.at_store(commit)
    return run


def history(place: Place, run: str) -> list[Boundary]:
    return place.at_store(lambda store: store.history(run))
