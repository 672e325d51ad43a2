"""The agent's HTTP API, over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx
import pytest

from agent_runtime.server.agent import create_app
from agent_runtime.server.http.auth import shared_token
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.uvicorn_server import serve_app
from tests.clocks import ManualClock, eventually
from tests.unit.agents.builders import NOTE, Bench, agent_config, bench

TOKEN = "let-me-in"
ECHO = [{"reply": "you said ${input}"}]


@asynccontextmanager
async def serving(
    ann: Bench, *, health: Health | None = None, token: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """The agent behind a real server; the client may bring a token."""
    app = create_app(ann.worker, health or Health(), shared_token(TOKEN) if token is not None else None)
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        task = asyncio.create_task(serve_app(app, sock=sock, stop=stop, grace=1))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client
        stop.set()
        await task


async def test_chat() -> None:
    async with serving(bench(ECHO)) as client:
        first = await client.post("/v1/chat", json={"message": "hello"})
        assert first.status_code == 200
        body = first.json()
        session = body.pop("session")
        assert body == {
            "reply": "you said hello",
            "output": None,
            "usage": {"inputTokens": 1, "outputTokens": 3},
            "steps": [],
        }
        await client.post("/v1/chat", json={"message": "again", "session": session})
        kept = (await client.get(f"/v1/sessions/{session}")).json()
        assert [(said["role"], said["text"]) for said in kept["messages"]] == [
            ("user", "hello"),
            ("agent", "you said hello"),
            ("user", "again"),
            ("agent", "you said again"),
        ]
        assert (kept["session"], kept["createdAt"]) == (session, "2026-01-05T12:00:00Z")


async def test_output_and_steps() -> None:
    script: list[dict[str, Any]] = [
        {"when": "turn == 0", "toolCalls": [{"tool": "clock", "arguments": {"timezone": "UTC"}}]},
        {"reply": '{"text": "${results.clock[0].weekday}"}'},
    ]
    ann = bench(script, pattern="ReAct", tools=[{"builtin": "clock"}], output=NOTE)
    async with serving(ann) as client:
        body = (await client.post("/v1/chat", json={"message": "which day?"})).json()
    assert body["output"] == {"text": "Monday"}
    assert body["steps"] == [{"tool": "clock", "arguments": {"timezone": "UTC"}, "failed": False}]


async def test_a_session_is_begun_by_name_or_not_at_all() -> None:
    async with serving(bench(ECHO)) as client:
        lost = await client.post("/v1/chat", json={"message": "hi", "session": "s1"})
        assert (lost.status_code, lost.json()["error"]["code"]) == (404, "session_not_found")
        assert "`newSession`" in lost.json()["error"]["message"]
        begun = await client.post("/v1/chat", json={"message": "hi", "newSession": "s1"})
        assert (begun.status_code, begun.json()["session"]) == (200, "s1")
        again = await client.post("/v1/chat", json={"message": "hi", "newSession": "s1"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "session_exists")
        went_on = await client.post("/v1/chat", json={"message": "ho", "session": "s1"})
        assert went_on.status_code == 200
        kept = (await client.get("/v1/sessions/s1")).json()
        assert [said["text"] for said in kept["messages"]] == ["hi", "you said hi", "ho", "you said ho"]


async def test_a_message_that_fails_leaves_its_session_as_it_was() -> None:
    script = [{"when": "message == 'fail'", "error": "out of ink"}, *ECHO]
    async with serving(bench(script, retry={"maxAttempts": 1})) as client:
        failed = await client.post("/v1/chat", json={"message": "fail", "newSession": "s1"})
        assert failed.status_code == 503
        assert (await client.get("/v1/sessions/s1")).status_code == 404, "no session was begun"
        await client.post("/v1/chat", json={"message": "one", "newSession": "s1"})
        assert (await client.post("/v1/chat", json={"message": "fail", "session": "s1"})).status_code == 503
        kept = (await client.get("/v1/sessions/s1")).json()
        assert [said["text"] for said in kept["messages"]] == ["one", "you said one"]


async def test_what_the_agent_is() -> None:
    ann = bench(ECHO, description="Echoes.", tools=[{"builtin": "clock"}], pattern="ReAct")
    async with serving(ann) as client:
        about = (await client.get("/v1/agent")).json()
    assert about | {"tools": None} == {
        "name": "ann",
        "namespace": "news",
        "description": "Echoes.",
        "pattern": "ReAct",
        "tools": None,
        "output": None,
    }
    assert [tool["name"] for tool in about["tools"]] == ["clock"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "/message"),
        ({"message": ""}, 422, "/message"),
        ({"message": 5}, 422, "/message"),
        ({"message": "hi", "mesage": 1}, 422, "/mesage"),
        ({"message": "hi", "session": "a b"}, 422, "/session"),
        ({"message": "hi", "newSession": "a b"}, 422, "/newSession"),
        ({"message": "hi", "session": "a", "newSession": "b"}, 422, "not both"),
        ({"message": "x" * 1024 * 1024}, 413, "larger than 1048576 bytes"),
    ],
)
async def test_bad_requests_say_what_is_wrong(body: dict[str, Any], status: int, says: str) -> None:
    async with serving(bench(ECHO)) as client:
        answer = await client.post("/v1/chat", json=body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


async def test_a_long_prompt_is_fine_and_no_json_is_not() -> None:
    async with serving(bench(ECHO)) as client:
        answer = await client.post("/v1/chat", json={"message": "x" * 300_000})
        assert answer.status_code == 200
        broken = await client.post(
            "/v1/chat", content=b"{message", headers={"Content-Type": "application/json"}
        )
        assert (broken.status_code, broken.json()["error"]["code"]) == (400, "not_json")
        missing = await client.get("/v1/sessions/nobody")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "session_not_found")


@pytest.mark.parametrize(("token", "status"), [(TOKEN, 200), ("wrong", 401), ("", 401)])
async def test_callers_bring_the_token(token: str, status: int) -> None:
    async with serving(bench(ECHO), token=token) as client:
        assert (await client.post("/v1/chat", json={"message": "hi"})).status_code == status
        assert (await client.get("/v1/agent")).status_code == status
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("script", "fields", "status", "code"),
    [
        ([{"error": "out of ink"}], {"retry": {"maxAttempts": 1}}, 503, "model_script_error"),
        ([{"when": "false", "reply": "x"}], {}, 500, "model_script_fault"),
        ([{"reply": "x"}], {"output": NOTE}, 500, "answer_unfit"),
        ([{"reply": "x", "delay": "5m"}], {"retry": {"maxAttempts": 1}}, 504, "model_timeout"),
    ],
)
async def test_failures_have_a_status_by_who_must_act(
    script: list[dict[str, Any]], fields: dict[str, Any], status: int, code: str
) -> None:
    async with serving(bench(script, **fields)) as client:
        answer = await client.post("/v1/chat", json={"message": "hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ("retry-after" in answer.headers) is (status == 503)


async def test_too_much_at_once_is_429_and_the_session_under_way_409() -> None:
    clock = ManualClock()
    config = agent_config([{"reply": "ok", "delay": "5s"}], limits={"maxConcurrency": 1, "timeout": "1h"})
    async with serving(Bench(config, clock=clock)) as client:
        first = asyncio.create_task(client.post("/v1/chat", json={"message": "one", "newSession": "s1"}))
        await eventually(lambda: clock.sleeps)
        busy = await client.post("/v1/chat", json={"message": "two"})
        assert (busy.status_code, busy.json()["error"]["code"]) == (429, "agent_busy")
        assert int(busy.headers["retry-after"]) >= 1
        same = await client.post("/v1/chat", json={"message": "two", "session": "s1"})
        assert (same.status_code, same.json()["error"]["code"]) == (409, "session_busy")
        clock.advance(5)
        assert (await first).json()["reply"] == "ok"


async def test_work_beyond_its_time_is_504() -> None:
    config = agent_config([{"reply": "ok", "delay": "5s"}], limits={"timeout": "20ms"})
    async with serving(Bench(config, clock=ManualClock())) as client:
        late = await client.post("/v1/chat", json={"message": "one"})
    assert (late.status_code, late.json()["error"]["code"]) == (504, "work_timeout")


async def test_ready_and_draining() -> None:
    subscribed = False

    async def check() -> None:
        if not subscribed:
            raise ConnectionError("not subscribed yet")

    health = Health({"blackboard": check})
    async with serving(bench(ECHO), health=health) as client:
        assert (await client.get("/healthz")).status_code == 200
        waiting = await client.get("/readyz")
        assert waiting.status_code == 503
        assert "blackboard: not subscribed yet" in waiting.json()["error"]["message"]
        subscribed = True
        assert (await client.get("/readyz")).status_code == 200
        health.draining = True
        refused = await client.post("/v1/chat", json={"message": "hi"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
        assert refused.headers["retry-after"] == "1"


async def test_metrics_count_by_route() -> None:
    async with serving(bench(ECHO)) as client:
        await client.post("/v1/chat", json={"message": "hi"})
        await client.get("/v1/sessions/whatever")
        await client.get("/no/such/path")
        text = (await client.get("/metrics")).text
    assert 'covey_http_requests_total{method="POST",route="/v1/chat",status="200"}' in text
    assert 'covey_http_requests_total{method="GET",route="/v1/sessions/{session}",status="404"}' in text
    assert 'covey_http_requests_total{method="GET",route="unmatched",status="404"}' in text
    assert 'covey_model_tokens_total{direction="input",model="actor"}' in text
