"""The process of a warm worker, with the runs server it takes runs from."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from agent_runtime.auth.run_tokens import Caller, mint
from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.runs.queue.client import HttpQueue
from agent_runtime.runs.queue.port import QueueState
from tests.laptop.test_roles import LONG, free_port, start, write
from tests.noting_server import Asked, Says, noting_server

KEY = "k" * 64
QUEUE = "news/report"


class Cluster:
    """A runs server, and workers of one flow."""

    def __init__(self, folder: Path, url: str, queue: HttpQueue) -> None:
        self.folder = folder
        self.url = url
        self.queue = queue

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[str]:
        """A worker that is ready, told to stop at the end; yields where it answers."""
        access = {"url": self.url, "tokenEnv": "COVEY_RUN_TOKEN"}
        config = {"kind": "FlowWorker", "name": "report", "namespace": "news", "store": access}
        port, path = free_port(), write(self.folder / "worker.json", config)
        token = mint(KEY, Caller(QUEUE, "worker"))
        process = start(
            *["worker", "--config", path, "--host", "127.0.0.1", "--port", str(port)], COVEY_RUN_TOKEN=token
        )
        try:
            await ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            output, errors = await asyncio.to_thread(process.communicate, timeout=LONG)
            assert process.returncode == 0, errors
            assert token not in output + errors
        finally:
            process.kill()
            process.communicate()

    async def submit(self, name: str, *nodes: dict[str, Any], **fields: Any) -> str:
        """Queue a run; returns its id."""
        run = f"news/{name}/u1"
        config = {
            "kind": "FlowRun",
            "name": name,
            "namespace": "news",
            "uid": "u1",
            "flowName": "report",
            "flow": {"start": nodes[0]["name"], "nodes": list(nodes)},
            **fields,
        }
        await self.queue.submit(run, QUEUE, json.dumps({"config": config}).encode())
        return run

    async def until(self, run: str, state: str) -> QueueState:
        """How a run stands, once it is in that state."""
        async with asyncio.timeout(LONG):
            while True:
                now = await self.queue.state(run)
                if now is not None and now.state == state:
                    return now
                await asyncio.sleep(0.05)


async def ready(url: str) -> None:
    async with asyncio.timeout(LONG), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    port = free_port()
    store = f"sqlite:///{tmp_path / 'runs.sqlite'}"
    server = start(
        *["runs", "--host", "127.0.0.1", "--port", str(port)], COVEY_RUNS_KEY=KEY, COVEY_RUNS_STORE=store
    )
    url = f"http://127.0.0.1:{port}"
    queue = HttpQueue(url, mint(KEY, Caller("operator", "operator")))
    try:
        await ready(url)
        yield Cluster(tmp_path, url, queue)
    finally:
        await queue.close()
        server.kill()
        server.communicate()


async def test_a_worker_runs_what_is_queued_and_one_that_stops_hands_it_to_the_next(cluster: Cluster) -> None:
    asked_twice, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(asked: Asked) -> Says:
        if asked.path == "/slow":
            loop.call_soon_threadsafe(asked_twice.set)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return Says({"n": asked.body})

    with noting_server(answer) as server:
        first = {
            "name": "first",
            "http": {"url": f"{server.url}/fast"},
            "input": 1,
            "next": {"default": "slow"},
        }
        slow = {"name": "slow", "http": {"url": f"{server.url}/slow"}, "input": 2}
        async with cluster.worker() as url:
            run = await cluster.submit("r1", first, slow)
            async with asyncio.timeout(LONG):
                await asked_twice.wait()
            exposed = httpx.get(f"{url}/metrics").text
            assert 'covey_flow_runs_in_progress{flow="report"} 1.0' in exposed
            assert (
                'covey_flow_node_visits_total{flow="report",node="first",outcome="succeeded"} 1.0' in exposed
            )
        waiting = await cluster.until(run, "Waiting")
        assert waiting.attempts == 0
        progress = json.loads(waiting.progress or b"")
        assert [(node["name"], node["state"]) for node in progress["nodes"]] == [
            ("first", "Succeeded"),
            ("slow", "Running"),
        ]
        release.set()
        async with cluster.worker():
            ended = await cluster.until(run, "Ended")
    outcome = json.loads(ended.outcome or b"")
    assert (outcome["result"], outcome["resumedFrom"]) == ({"n": 2}, "slow")
    keys = [asked.key for asked in server.asked]
    assert keys == [f"{run}:first:1", f"{run}:slow:1", f"{run}:slow:1"]


async def test_runs_of_items_are_forgotten_when_their_results_are_kept(cluster: Cluster) -> None:
    child = {
        "start": "a",
        "params": {"n": {}},
        "nodes": [
            {
                "name": "a",
                "tool": {"builtin": "calculator"},
                "input": {"expression": "${string(params.n)} * 2"},
            }
        ],
        "result": "${shared.a.value}",
    }
    each = {"name": "each", "flow": "sub", "input": {"n": "${item}"}, "map": {"over": "${[1, 2, 3]}"}}
    async with cluster.worker():
        run = await cluster.submit("r1", each, flows={"sub": child})
        ended = await cluster.until(run, "Ended")
    assert json.loads(ended.outcome or b"")["result"] == [2, 4, 6]
    store = HttpRunStore(cluster.url, mint(KEY, Caller("operator", "operator")))
    assert [one.run for one in await store.runs("news/")] == [run]
    await store.close()
