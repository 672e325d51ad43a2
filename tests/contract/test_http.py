"""The blackboard's server on a free port, and the client that talks to it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from agent_runtime.api.agent import TenantVisibility, Visibility
from agent_runtime.blackboard.board import BoardError, Identity, Query
from agent_runtime.blackboard.http_client import HttpBoard
from agent_runtime.blackboard.main import serve
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.identity import mint
from tests.contract.boards import ADMIN, EDITOR, SCOUT, WRITER, consumes, finding, report

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"
CONFIG = BlackboardConfig.model_validate(
    {
        "name": "newsroom",
        "namespace": "news",
        "store": "memory",
        "types": [
            {"name": "Finding", "schema": {"type": "object", "required": ["title"]}},
            {"name": "Report", "schema": {"type": "object"}},
        ],
        "limits": {"maxPayload": 2000, "pending": 3},
        "lease": {"ttl": "30s", "maxDeliveries": 2},
    }
)


@dataclass
class Server:
    """A running server."""

    url: str

    def board(self, identity: Identity, **options: Any) -> HttpBoard:
        """The board for an identity."""
        return HttpBoard(self.url, mint(KEY, identity, AUDIENCE), **options)

    async def call(
        self, method: str, path: str, identity: Identity = SCOUT, **options: Any
    ) -> httpx2.Response:
        """One bare request."""
        headers = {"authorization": f"Bearer {mint(KEY, identity, AUDIENCE)}"} | options.pop("headers", {})
        async with httpx2.AsyncClient() as client:
            return await client.request(method, self.url + path, headers=headers, **options)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """The socket is open from the start, so that the first request waits until the server is up."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        stop = asyncio.Event()
        environ = {"COVEY_BLACKBOARD_KEY": KEY}
        task = asyncio.create_task(serve(CONFIG, environ, sock=sock, stop=stop, drain_seconds=0))
        yield Server(f"http://127.0.0.1:{sock.getsockname()[1]}")
        stop.set()
        await task


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[Server]:
    """A server of the test's own."""
    async with serving() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server() -> AsyncIterator[Server]:
    """One for all tests that change nothing."""
    async with serving() as running:
        yield running


async def test_an_artifact_travels_between_two_agents(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        await editor.subscribe([consumes(where="payload.title == 'news'")])
        waiting = asyncio.create_task(editor.lease(5, 30))
        [published] = await scout.publish([finding("news", tags=("x",))])
        [delivery] = await waiting
        assert (delivery.artifacts, delivery.attempt) == ((published,), 1)
        await editor.extend(delivery.id)
        [result] = await editor.acknowledge(delivery.id, [report()])
        assert await editor.acknowledge(delivery.id, [report()]) == [result]
        assert (result.producer, result.causes, result.correlation) == (
            "editor",
            (published.id,),
            published.id,
        )
        assert await scout.get(result.id) == result
        assert (await scout.query(Query(type="Report"))).artifacts == (result,)
        assert await scout.get("none") is None


async def test_pages(server: Server) -> None:
    async with server.board(SCOUT) as scout:
        published = await scout.publish([finding(str(n)) for n in range(5)])
        first = await scout.query(Query(limit=3))
        second = await scout.query(Query(limit=3, cursor=first.cursor))
        assert [*first.artifacts, *second.artifacts] == published
        assert second.cursor is None


async def test_failing_twice_ends_in_the_dead_letters(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
        await scout.publish([finding(id="1")])
        for _ in range(2):
            [delivery] = await editor.lease(1, 30)
            await editor.fail(delivery.id, "cannot")
    answer = await server.call("GET", "/v1/deadletters", ADMIN)
    [letter] = answer.json()["deadLetters"]
    assert (letter["agent"], letter["artifacts"], letter["error"]) == ("editor", ["1"], "cannot")


GOOD = {"type": "Finding", "payload": {"title": "a"}}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code", "pointers"),
    [
        ("POST", "/v1/artifacts", {"content": b"{"}, 400, "not_json", []),
        ("POST", "/v1/artifacts", {"content": b'{"type": NaN}'}, 400, "not_json", []),
        ("POST", "/v1/artifacts", {"json": {"type": 3}}, 422, "invalid", ["/type", "/payload"]),
        ("POST", "/v1/artifacts", {"json": {"artifacts": [GOOD, {}]}}, 422, "invalid",
         ["/artifacts/1/type", "/artifacts/1/payload"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"colour": "red"}}, 422, "invalid", ["/colour"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"type": "Poem"}}, 422, "unknown_type", ["/type"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"version": 9}}, 422, "unknown_type", ["/version"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"payload": {}}}, 422, "invalid_payload", ["/payload"]),
        ("POST", "/v1/artifacts", {"json": {"artifacts": [GOOD, GOOD | {"payload": {}}]}}, 422,
         "invalid_payload", ["/artifacts/1/payload"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"id": "../x"}}, 422, "invalid", ["/id"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"visibility": {}}}, 422, "invalid", ["/visibility"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"visibility": {"everyone": {}}}}, 422, "invalid",
         ["/visibility/everyone"]),
        ("POST", "/v1/artifacts", {"json": GOOD | {"visibility": {"tenant": {}}}}, 422, "invalid",
         ["/visibility/tenant"]),
        ("POST", "/v1/artifacts", {"json": {"type": "Finding", "payload": {"title": "x" * 3000}}}, 413,
         "too_large", ["/payload"]),
        ("POST", "/v1/artifacts", {"content": b"x" * 9_000_000}, 413, "too_large", []),
        ("GET", "/v1/artifacts?limit=0", {}, 422, "invalid", ["/query/limit"]),
        ("GET", "/v1/artifacts?cursor=x", {}, 422, "invalid", []),
        ("GET", "/v1/artifacts/none", {}, 404, "not_found", []),
        ("GET", "/v1/nothing", {}, 404, "not_found", []),
        ("DELETE", "/v1/artifacts", {}, 405, "method_not_allowed", []),
        ("PUT", "/v1/subscriptions", {"json": {"consumes": [{"types": ["Poem"], "where": "1 +"}]}}, 422,
         "invalid_subscription", ["/consumes/0/types/0", "/consumes/0/where"]),
        ("PUT", "/v1/leases/1@editor~1", {}, 404, "not_found", []),
        ("POST", "/v1/leases/1@scout~1/acknowledge", {"json": {}}, 409, "lease_lost", []),
        ("GET", "/v1/deadletters", {}, 403, "forbidden", []),
        ("GET", "/v1/explain?artifact=1&agent=editor", {}, 403, "forbidden", []),
        ("GET", "/v1/stats", {}, 403, "forbidden", []),
    ],
)  # fmt: skip
async def test_refusals_have_one_shape(
    shared_server: Server,
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
    code: str,
    pointers: list[str],
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"content-type": "application/json", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = await shared_server.call(method, path, headers=headers, **options)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert [detail["pointer"] for detail in error["details"]] == pointers
    assert error["traceId"] == trace


async def test_a_batch_is_bounded_in_number_and_bytes_that_come_without_a_length(
    shared_server: Server,
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 100_000

    answer = await shared_server.call(
        "POST", "/v1/artifacts", content=endless(), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "token",
    [
        "non.sense",
        "nonsense",
        mint("x" * 64, SCOUT, AUDIENCE),
        mint(KEY, SCOUT, "blackboard/news/another"),
    ],
    ids=["half of one", "nonsense", "forged", "for another board"],
)
async def test_who_is_not_known_is_not_let_in(shared_server: Server, token: str) -> None:
    for method, path in (("GET", "/v1/artifacts"), ("POST", "/v1/leases"), ("GET", "/v1/events")):
        answer = await shared_server.call(method, path, headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_full_inbox_is_answered_with_429_and_when_to_come_back(server: Server) -> None:
    async with server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
    for _ in range(3):
        assert (await server.call("POST", "/v1/artifacts", json=GOOD)).status_code == 201
    answer = await server.call("POST", "/v1/artifacts", json=GOOD)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "inbox of editor" in answer.json()["error"]["message"]


async def test_health_metrics_and_description(server: Server) -> None:
    assert (await server.call("GET", "/healthz")).json() == {"status": "alive"}
    assert (await server.call("GET", "/readyz")).json()["dependencies"] == {"store": "ok"}
    await server.call("POST", "/v1/artifacts", json=GOOD)
    metrics = (await server.call("GET", "/metrics")).text
    assert 'covey_blackboard_artifacts_published_total{type="Finding"} 1.0' in metrics
    assert 'route="/v1/artifacts",status="201"' in metrics
    paths = (await server.call("GET", "/openapi.json")).json()["paths"]
    assert {"/v1/artifacts", "/v1/leases", "/v1/subscriptions", "/v1/events"} <= set(paths)


async def test_the_stream_shows_what_is_there_and_what_comes_to_who_may_see_it(server: Server) -> None:
    secret = Visibility(tenant=TenantVisibility())
    headers = {"authorization": f"Bearer {mint(KEY, SCOUT, AUDIENCE)}"}
    async with server.board(WRITER) as writer, httpx2.AsyncClient(timeout=30) as client:
        await writer.publish([finding("secret", visibility=secret), finding("before")])
        async with client.stream("GET", f"{server.url}/v1/events", headers=headers) as stream:
            events = stream_of(stream)
            assert await anext(events) == ("2", "before")
            await writer.publish([finding("later", visibility=secret), finding("after")])
            assert await anext(events) == ("4", "after")
        resumed = headers | {"last-event-id": "2"}
        async with client.stream("GET", f"{server.url}/v1/events", headers=resumed) as stream:
            assert await anext(stream_of(stream)) == ("4", "after")


async def stream_of(response: httpx2.Response) -> AsyncIterator[tuple[str, str]]:
    """(id, title) of each event."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        fields[name] = value
        if not line and "data" in fields:
            yield fields["id"], json.loads(fields["data"])["payload"]["title"]
            fields = {}


async def test_a_caller_who_hangs_up_takes_no_delivery_along(server: Server) -> None:
    async with server.board(EDITOR) as editor, server.board(SCOUT) as scout:
        await editor.subscribe([consumes()])
        _, writer = await asyncio.open_connection("127.0.0.1", httpx2.URL(server.url).port)
        body = b'{"wait": 60}'
        head = (
            f"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {mint(KEY, EDITOR, AUDIENCE)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        await scout.query(Query())
        writer.close()
        async with asyncio.timeout(60):
            while 'route="/v1/leases"' not in (await server.call("GET", "/metrics")).text:
                await scout.query(Query())
        await scout.publish([finding()])
        [delivery] = await editor.lease(1, 30)
        assert delivery.attempt == 1


_PROCESS = """
import asyncio, os, socket, sys
from agent_runtime.blackboard.main import serve
from agent_runtime.compile.config import BlackboardConfig
config = BlackboardConfig.model_validate_json(sys.argv[1])
asyncio.run(serve(config, os.environ, sock=socket.socket(fileno=int(sys.argv[2])), drain_seconds=600))
"""


async def test_sigterm_drains_and_a_second_one_ends_the_process_cleanly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROCESS, CONFIG.model_dump_json(by_alias=True), str(sock.fileno())),
            env=os.environ | {"COVEY_BLACKBOARD_KEY": KEY},
            pass_fds=[sock.fileno()],
        )
    server = Server(url)
    try:
        async with server.board(EDITOR) as editor:
            await editor.subscribe([consumes()])
            waiting = asyncio.create_task(editor.lease(1, 60))
            await server.call("GET", "/v1/artifacts")
            process.send_signal(signal.SIGTERM)
            assert await waiting == []
            answer = await server.call("GET", "/v1/artifacts")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["error"]["code"] == "draining"
            assert (await server.call("GET", "/readyz")).status_code == 503
            assert (await server.call("GET", "/healthz")).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_server_that_is_away_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with HttpBoard(url, "token", attempts=1) as board:
        with pytest.raises(
            BoardError, match=r"the blackboard at http://127.0.0.1:.* does not answer"
        ) as refused:
            await board.publish([finding()])
    assert (refused.value.code, refused.value.status) == ("unreachable", 503)
