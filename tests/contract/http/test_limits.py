"""Bounds of a server: what goes past them is refused with 429 or 503, and when to come back."""

import asyncio

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from agent_runtime.serving.limits import AtOnce, BodyLimit
from tests.contract.boards import EDITOR, SCOUT, consumes, finding, report
from tests.contract.http.conftest import Start
from tests.contract.http.serving import GOOD, Place, Server, error_of, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_full_inbox(server: Server) -> None:
    async with server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
    for _ in range(3):
        assert (await server.call("POST", "/v1/artifacts", json=GOOD)).status_code == 201
    answer = await server.call("POST", "/v1/artifacts", json=GOOD)
    assert error_of(answer) == (429, "inbox_full")
    assert "inbox of editor" in answer.json()["error"]["message"]


async def test_publishing_too_fast_and_how_the_client_copes() -> None:
    async with serving(Place(), limits={"publishPerSecond": 1}) as server:
        answer = await server.call("POST", "/v1/artifacts", json={"artifacts": [GOOD, GOOD]})
        assert answer.status_code == 201, "a batch larger than a second's worth passes, and is paid for later"
        for path, body in (
            ("/v1/artifacts", GOOD),
            ("/v1/artifacts", {"artifacts": [GOOD]}),
            ("/v1/agents/editor/invocations", GOOD),
        ):
            answer = await server.call("POST", path, json=body)
            assert error_of(answer) == (429, "rate_limited")
            assert answer.headers["retry-after"] == "2"
            assert "(spec.limits.publishPerSecond)" in answer.json()["error"]["message"]
        assert "covey_blackboard_rate_limited_total 3.0" in (await server.call("GET", "/metrics")).text
        async with server.board(SCOUT, patience=120) as scout:
            assert len(await scout.publish([finding()])) == 1


async def test_results_are_counted_and_never_refused() -> None:
    async with (
        serving(Place(), limits={"publishPerSecond": 1}) as server,
        server.board(SCOUT) as scout,
        server.board(EDITOR) as editor,
    ):
        await editor.subscribe([consumes()])
        await scout.publish([finding()])
        [delivery] = await editor.lease(1, 30)
        assert len(await editor.acknowledge(delivery.id, [report() for _ in range(1000)])) == 1000
        answer = await server.call("POST", "/v1/artifacts", json=GOOD)
        assert error_of(answer) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 900


async def test_open_streams_and_waiting_calls(start: Start) -> None:
    async with start(limits={"streams": 2}) as server, httpx2.AsyncClient(timeout=60) as client:
        headers = {"authorization": f"Bearer {server.token(EDITOR)}"}
        async with (
            client.stream("GET", f"{server.url}/v1/events", headers=headers) as one,
            client.stream("GET", f"{server.url}/v1/events", headers=headers) as two,
        ):
            assert (one.status_code, two.status_code) == (200, 200)
            for method, path in (("GET", "/v1/events"), ("POST", "/v1/leases")):
                answer = await server.call(method, path, EDITOR, json={"wait": 60})
                assert error_of(answer) == (429, "too_many_streams")
            assert (await server.call("GET", "/v1/artifacts")).status_code == 200
        async with asyncio.timeout(60):
            while (await server.call("POST", "/v1/leases", EDITOR, json={})).status_code != 200:
                await server.call("GET", "/v1/artifacts")


SCOPE: Scope = {"type": "http", "path": "/v1/artifacts", "method": "POST", "headers": []}


async def status_of(app: AtOnce | BodyLimit, receive: Receive | None = None) -> int:
    """What an app answers."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def no_body() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(dict(SCOPE), receive or no_body, send)
    return int(sent[0]["status"])


async def test_requests_at_once() -> None:
    go_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200})

    app = AtOnce(slow, 2, counts=lambda _: True, status=503, code="overloaded", message="try again")
    two = [asyncio.ensure_future(status_of(app)) for _ in range(2)]
    await asyncio.sleep(0)
    assert await status_of(app) == 503
    go_on.set()
    assert await asyncio.gather(*two) == [200, 200]
    assert await status_of(app) == 200


async def test_bytes_of_all_bodies_at_once() -> None:
    go_on = asyncio.Event()

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200})

    async def body() -> Message:
        return {"type": "http.request", "body": b"x" * 10, "more_body": False}

    app = BodyLimit(reading, limit=10, total=25)
    two = [asyncio.ensure_future(status_of(app, body)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Exception, match="too many bytes") as refused:
        await status_of(app, body)
    assert getattr(refused.value, "status_code", None) == 503
    go_on.set()
    assert await asyncio.gather(*two) == [200, 200]
    assert await status_of(app, body) == 200
