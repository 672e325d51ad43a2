"""HEAD and 405 on each of our servers, over a socket; what others send in Retry-After and Last-Event-ID."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from agent_runtime.api.common import Retry
from agent_runtime.core.retry_after import LONGEST, seconds_of
from agent_runtime.local.api.app import local_app
from agent_runtime.local.environment import Environment
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.local.state import StateFolder
from agent_runtime.processes.worker import create_app as worker_app
from agent_runtime.server.agent import create_app as agent_app
from agent_runtime.server.http.errors import ApiError, install_errors
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.uvicorn_server import serve_app
from agent_runtime.telemetry.events import Event
from agent_runtime.tools.port import ToolContext
from covey_operator.telemetry.health import HealthServer
from covey_operator.telemetry.metrics import Metrics
from tests.clocks import ManualClock
from tests.contract.boards import SCOUT
from tests.contract.runs.queue.serving import on_sqlite
from tests.contract.server.serving import Place
from tests.contract.server.serving import serving as serving_board
from tests.contract.servers import free_port
from tests.unit.agents.builders import bench

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
PATHS = {
    "board": {
        "/healthz": "GET, HEAD",
        "/metrics": "GET, HEAD",
        "/v1/artifacts": "GET, HEAD, POST",
        "/v1/artifacts/a": "GET, HEAD",
        "/v1/stats": "GET, HEAD",
        "/v1/events": "GET, HEAD",
    },
    "runs": {"/healthz": "GET, HEAD", "/metrics": "GET, HEAD"},
    "agent": {"/healthz": "GET, HEAD", "/v1/sessions/a": "GET, HEAD", "/v1/chat": "POST"},
    "worker": {"/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/metrics": "GET, HEAD"},
    "local": {
        "/healthz": "GET, HEAD",
        "/openapi.json": "GET, HEAD",
        "/v1/resources": "GET, HEAD",
        "/v1/resources/Model/m": "DELETE, GET, HEAD",
        "/v1/apply": "POST",
        "/v1/logs?follow=true": "GET, HEAD",
        "/v1/events": "GET, HEAD",
    },
    "operator": {"/healthz": "GET, HEAD", "/readyz": "GET, HEAD", "/metrics": "GET, HEAD"},
}


@asynccontextmanager
async def at(app: FastAPI) -> AsyncIterator[str]:
    """The app behind a real server."""
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        task = asyncio.create_task(serve_app(app, sock=sock, stop=stop, grace=1))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        stop.set()
        await task


@pytest.fixture
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """A server's address, and the headers with which it lets one in."""
    async with AsyncExitStack() as stack:
        match request.param:
            case "board":
                board = await stack.enter_async_context(serving_board(Place()))
                yield board.url, {"authorization": f"Bearer {board.token(SCOUT)}"}
            case "runs":
                yield (await stack.enter_async_context(on_sqlite(tmp_path))).url, {}
            case "agent":
                app = agent_app(bench([{"reply": "hi"}]).worker, Health(), None)
                yield await stack.enter_async_context(at(app)), {}
            case "worker":
                yield await stack.enter_async_context(at(worker_app(Health()))), {}
            case "local":
                state = stack.enter_context(StateFolder.open(tmp_path))
                laptop = LocalRuntime(state, Environment({}, ToolContext(tmp_path)), EventBroadcaster())
                stack.callback(laptop.feed.close)
                app = local_app(laptop, "t", Health())
                yield await stack.enter_async_context(at(app)), {"authorization": "Bearer t"}
            case "operator":
                port = free_port()
                server = HealthServer(
                    "127.0.0.1", port, Metrics(), live=lambda: None, ready=lambda: "starting"
                )
                await stack.enter_async_context(server)
                yield f"http://127.0.0.1:{port}", {}


@pytest.mark.parametrize(("place", "paths"), PATHS.items(), indirect=["place"], ids=PATHS.keys())
async def test_each_server_answers_head_as_get_and_names_all_methods(
    place: tuple[str, dict[str, str]], paths: dict[str, str]
) -> None:
    url, headers = place
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        for path, methods in paths.items():
            refused = await client.request("TRACE", path)
            assert refused.status_code == 405, path
            allowed = {method.strip() for method in refused.headers["allow"].split(",")}
            assert allowed == set(methods.split(", ")), path
            head = await client.head(path)
            assert head.content == b"", path
            if "GET" not in methods:
                assert head.status_code == 405, path
                continue
            async with client.stream("GET", path) as got:
                assert (head.status_code, head.headers.get("content-type")) == (
                    got.status_code,
                    got.headers.get("content-type"),
                ), path


async def test_a_stream_asked_for_its_head_is_ended_and_clears_up() -> None:
    ended = asyncio.Event()
    app = FastAPI()
    install_errors(app)

    @app.get("/endless")
    async def endless(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"one"
                await asyncio.Event().wait()
            finally:
                ended.set()

        return StreamingResponse(parts(), media_type="text/plain")

    @app.get("/broken")
    async def broken() -> None:
        raise ApiError(429, "not now", retry_after=math.inf)

    async with at(app) as url, httpx2.AsyncClient(base_url=url, timeout=30) as client:
        head = await client.head("/endless")
        assert (head.status_code, head.content) == (200, b"")
        async with asyncio.timeout(30):
            await ended.wait()
        assert (await client.head("/none")).status_code == 404
        answer = await client.get("/broken")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, f"{LONGEST:.0f}")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("\u00b2", None),
        ("\u0665", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("86400", LONGEST),
        ("9" * 5000, LONGEST),
        ("Mon, 05 Jan 2026 12:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0.0),
        ("Mon, 05 Jan 9999 11:00:00 GMT", LONGEST),
        ("Mon, 99 Foo 2026", None),
    ],
)
def test_retry_after_is_bounded(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header, NOW) == seconds


@pytest.mark.parametrize("asked", [math.inf, math.nan, 1e300, -5.0, 10.0**9])
def test_no_wish_is_longer_than_what_the_retry_allows(asked: float) -> None:
    assert 0 <= Retry(max_delay="3s").waits().delay(1, Random(1).uniform, asked=asked) <= 3


class TestFeed:
    def feed(self, process: str, events: int = 3) -> EventBroadcaster:
        feed = EventBroadcaster(process=process)
        for number in range(events):
            feed(Event(ManualClock().now(), "log", "s", f"{number}", {}))  # type: ignore[arg-type]  # any kind
        return feed

    def test_its_own_id_leads_behind_the_event(self) -> None:
        feed = self.feed("one")
        second = feed.after(0)[1]
        assert feed.place_of(feed.id_of(second)) == 2

    @pytest.mark.parametrize(
        "id_",
        ["two-2", "2", "", "-", "one-", "one-4", f"one-{'9' * 5000}", "9" * 5000, "one-\u00b2", "one--1"],
    )
    def test_every_other_leads_to_the_beginning(self, id_: str) -> None:
        assert self.feed("one").place_of(id_) == 0


@pytest.mark.parametrize("place", ["local", "board"], indirect=True)
@pytest.mark.parametrize("id_", ["9" * 5000, "9" * 19, "zz-3", "\u00b2".encode().decode("latin-1")])
async def test_a_strange_last_event_id_is_no_error_of_ours(
    place: tuple[str, dict[str, Any]], id_: str
) -> None:
    url, headers = place
    async with (
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
        client.stream(
            "GET", "/v1/events", headers={**headers, "last-event-id": id_.encode("latin-1")}
        ) as got,
    ):
        assert got.status_code in (200, 422)
