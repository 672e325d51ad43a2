"""Nodes that send HTTP requests, to a real server."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from agent_runtime.api.base import KeyRef
from agent_runtime.compile.flows.run import header_env
from agent_runtime.runs.outcome import RunError
from tests.noting_server import Asked, NotingServer, Says, noting_server
from tests.unit.runs.bench import Bench, config

KEY = "news/r1/u1:call:1"


@pytest.fixture
def server() -> Iterator[NotingServer]:
    with noting_server() as running:
        yield running


def call(
    url: str, *, input: Any = None, timeout: str = "60s", retry: Any = None, **http: Any
) -> dict[str, Any]:
    node = {"name": "call", "http": {"url": url, **http}, "input": input, "timeout": timeout}
    return node if retry is None else {**node, "retry": retry}


async def test_a_request_carries_its_input_its_headers_and_its_key(server: NotingServer) -> None:
    bench = Bench()
    ref = {"name": "shop", "key": "token"}
    bench.environ[header_env(KeyRef(name="shop", key="token"))] = "s3cret\n"
    node = call(
        "${params.base}/orders/${params.id}",
        input={"id": "${params.id}"},
        method="PUT",
        headers={"X-Trace": "${'t' + string(params.id)}"},
        headersFrom=[{"name": "Authorization", "secretKeyRef": ref}],
    )
    outcome = await bench.run(config(node, params={"base": server.url, "id": 7}))
    assert (outcome.error, outcome.result) == (None, {"path": "/orders/7"})
    (asked,) = server.asked
    assert (asked.method, asked.body, asked.key) == ("PUT", {"id": 7}, KEY)
    assert (asked.headers["x-trace"], asked.headers["authorization"]) == ("t7", "s3cret")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_method_without_a_body_sends_none(server: NotingServer, method: str) -> None:
    await Bench().run(config(call(server.url, input={"a": 1}, method=method)))
    assert [(asked.method, asked.body) for asked in server.asked] == [(method, None)]


@pytest.mark.parametrize(
    ("says", "http", "result"),
    [
        (Says([1, {"a": None}]), {}, [1, {"a": None}]),
        (Says({"a": 1}, headers={"content-type": "application/problem+json; charset=utf-8"}), {}, {"a": 1}),
        (Says("grün".encode(), headers={"content-type": "text/plain; charset=utf-8"}), {}, "grün"),
        (Says(b"gr\xfcn", headers={"content-type": "text/plain; charset=latin-1"}), {}, "grün"),
        (
            Says(b'{"a": "gr\xfcn"}', headers={"content-type": "application/json; charset=latin-1"}),
            {},
            {"a": "grün"},
        ),
        (Says(b"\xef\xbb\xbf[1]"), {}, [1]),
        (Says("[1]".encode("utf-16")), {}, [1]),
        (Says(b"\xef\xbb\xbfgr\xc3\xbcn", headers={"content-type": "text/plain"}), {}, "grün"),
        (Says(b"18446744073709551615"), {}, 2**64 - 1),
        (Says(b'{"a": 1, "a": 2}'), {}, {"a": 2}),
        (Says(None, 204), {}, None),
        (Says({"gone": True}, 404), {"expect": [200, 404]}, {"gone": True}),
    ],
)
async def test_an_answer_is_json_or_text(
    server: NotingServer, says: Says, http: dict[str, Any], result: Any
) -> None:
    server.answer = lambda asked: says
    outcome = await Bench().run(config(call(server.url, **http)))
    assert (outcome.error, outcome.result) == (None, result)


@pytest.mark.parametrize(
    ("says", "http", "message"),
    [
        (Says({"why": "no ink"}, 500), {}, 'answered 500, want 200 to 299: {"why": "no ink"}'),
        (Says(None, 500), {}, "answered 500, want 200 to 299: no body"),
        (Says({}, 201), {"expect": [200, 202]}, "answered 201, want 200, 202: {}"),
        (Says(b"<html>"), {}, "answered 200, and what it sent says that it is JSON, but is not"),
        (
            Says(b'{"id": 18446744073709551616}'),
            {},
            "the integer 18446744073709551616 does not fit in 64 bits",
        ),
        (Says(b"[NaN]"), {}, "says that it is JSON, but is not"),
        (Says(b"[1e999]"), {}, "says that it is JSON, but is not"),
        (Says(b'["\\ud83d"]'), {}, "says that it is JSON, but is not"),
        (Says(b'"gr\xfcn"'), {}, "in UTF-8, and names no charset (JSON) at byte 3"),
        (Says(b"[" * 201 + b"]" * 201), {}, "nested more than 200 deep"),
        (Says(b"[" * 5000 + b"]" * 5000), {}, "nested more than 200 deep"),
        (
            Says(b"gr\xfcn", headers={"content-type": "text/plain; charset=utf-8"}),
            {},
            "is no text as its charset 'utf-8' says at byte 2: ask for text or JSON",
        ),
        (
            Says(b"gr\xfcn", headers={"content-type": "text/html"}),
            {},
            "names no charset (text/html) at byte 2",
        ),
        (
            Says(b"x", headers={"content-type": "text/plain; charset=klingon"}),
            {},
            "has the charset 'klingon', which is not known",
        ),
        (
            Says(b"x", headers={"content-type": "text/plain; charset=rot13"}),
            {},
            "'rot13', which is not known",
        ),
        (Says(b"not gzip", headers={"content-encoding": "gzip"}), {}, "POST"),
        (Says(b"x" * (4 * 1024**2 + 1)), {}, "answered 200 has more than 4 MiB: ask for less"),
        (
            Says(None, 302, {"location": "http://evil.example/"}),
            {},
            "leads to another host, http://evil.example/",
        ),
        (Says(None, 302, {"location": "/again"}), {}, "more than 5 redirects"),
    ],
)
async def test_an_answer_that_is_no_success_says_what_it_was(
    server: NotingServer, says: Says, http: dict[str, Any], message: str
) -> None:
    server.answer = lambda asked: says
    outcome = await Bench().run(config(call(server.url, **http)))
    assert outcome.error is not None
    assert outcome.error.node == "call"
    assert message in outcome.error.message
    assert server.url in outcome.error.message


async def test_redirects_to_the_same_host_are_followed(server: NotingServer) -> None:
    def answer(asked: Asked) -> Says:
        return Says({"at": asked.path}) if asked.path == "/new" else Says(None, 307, {"location": "/new"})

    server.answer = answer
    outcome = await Bench().run(config(call(f"{server.url}/old", input={"n": 1})))
    assert outcome.result == {"at": "/new"}
    assert [(asked.path, asked.body, asked.key) for asked in server.asked] == [
        ("/old", {"n": 1}, KEY),
        ("/new", {"n": 1}, KEY),
    ]


async def test_every_attempt_has_the_same_key(server: NotingServer) -> None:
    server.answer = lambda asked: Says({"n": len(server.asked)}, 503 if len(server.asked) < 3 else 200)
    retry = {"maxAttempts": 3, "wait": "1ms"}
    outcome = await Bench().run(config(call(server.url, retry=retry)))
    assert (outcome.error, outcome.result) == (None, {"n": 3})
    assert [asked.key for asked in server.asked] == [KEY] * 3
    assert outcome.nodes[0].attempts == 3


async def test_what_cannot_be_asked_is_named(server: NotingServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    missing = {"name": "Authorization", "secretKeyRef": {"name": "shop", "key": "token"}}
    cases = [
        (call("${params.x}"), "http.url: want http://... or https://..., got 'ftp://x'"),
        (call(closed), f"POST {closed}: "),
        (call(server.url, headersFrom=[missing]), "no value for the header Authorization: COVEY_HEADER_"),
        (call("http://[::1"), "POST http://[::1: "),
        (call(server.url, headers={"X-A": "a\nb"}), "Illegal header value"),
        (
            call(server.url, headers={"X-A": "${shared.nobody}"}),
            "http.headers.X-A: expression 'shared.nobody'",
        ),
    ]
    for node, message in cases:
        outcome = await Bench().run(config(node, params={"x": "ftp://x"}))
        assert isinstance(outcome.error, RunError)
        assert message in outcome.error.message


async def test_an_answer_that_does_not_come_is_given_up(server: NotingServer) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    silence = asyncio.Event()

    def never(_: Asked) -> Says:
        loop.call_soon_threadsafe(asked.set)
        asyncio.run_coroutine_threadsafe(silence.wait(), loop).result()
        return Says()

    server.answer = never
    outcome = await Bench().run(config(call(server.url, timeout="100ms")))
    silence.set()
    assert outcome.error is not None
    assert "no result within 0.1s" in outcome.error.message


async def test_a_secret_that_no_header_can_hold_is_not_shown(server: NotingServer) -> None:
    bench = Bench()
    ref = {"name": "shop", "key": "token"}
    bench.environ[header_env(KeyRef(name="shop", key="token"))] = "s3cret\nmore"
    node = call(server.url, headersFrom=[{"name": "Authorization", "secretKeyRef": ref}])
    outcome = await bench.run(config(node))
    assert outcome.error is not None
    assert "key token of Secret shop holds characters that no header may have" in outcome.error.message
    assert "s3cret" not in outcome.error.message


async def test_cookies_are_not_carried_from_node_to_node(server: NotingServer) -> None:
    server.answer = lambda asked: Says({}, headers={"set-cookie": "session=1"})
    again = {**call(server.url), "name": "again"}
    await Bench().run(config({**call(server.url), "next": {"default": "again"}}, again))
    assert ["cookie" in asked.headers for asked in server.asked] == [False, False]
