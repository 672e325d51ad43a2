"""Bounds of a server: what goes past them is refused with 429 or 503, and when to come back."""

import asyncio
from contextlib import AsyncExitStack, suppress

import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from agent_runtime.auth.identity import Identity
from agent_runtime.server.http.errors import ApiError
from agent_runtime.server.http.limits import BodyLimit, ConcurrencyLimit, PerCallerLimit
from tests.contract.boards import EDITOR, SCOUT, consumes, finding, report
from tests.contract.server.conftest import Start
from tests.contract.server.serving import GOOD, Place, Server, error_of, serving

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


async def test_open_streams_do_not_keep_agents_from_their_deliveries(start: Start) -> None:
    async with start(limits={"streams": 2}) as server, httpx2.AsyncClient(timeout=60) as client:
        headers = {"authorization": f"Bearer {server.token(EDITOR)}"}
        async with (
            client.stream("GET", f"{server.url}/v1/events", headers=headers) as one,
            client.stream("GET", f"{server.url}/v1/events", headers=headers) as two,
        ):
            assert (one.status_code, two.status_code) == (200, 200)
            assert error_of(await server.call("GET", "/v1/events")) == (429, "too_many_streams")
            assert (await server.call("POST", "/v1/leases", EDITOR, json={})).status_code == 200
            assert (await server.call("GET", "/v1/artifacts")).status_code == 200


async def test_calls_for_deliveries_are_bounded_too(start: Start) -> None:
    async with start(limits={"streams": 2}) as server:
        async with server.board(EDITOR) as editor:
            await editor.subscribe([consumes()])
        calls = [server.call("POST", "/v1/leases", EDITOR, json={"wait": 60}) for _ in range(3)]
        waiting = [asyncio.ensure_future(call) for call in calls]
        refused, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [error_of(one.result()) for one in refused] == [(429, "too_many_leases")]
        server.stop.set()
        await asyncio.gather(*waiting)


async def test_one_caller_has_a_part_of_the_streams() -> None:
    """A tenth, and 16 where that is more; it is the caller's, whichever tokens are brought."""
    async with serving(Place(), limits={"streams": 40}) as server, httpx2.AsyncClient(timeout=60) as client:
        ann = {"authorization": f"Bearer {server.token(Identity('ann', 'user', tenant='acme'))}"}
        async with AsyncExitStack() as streams:
            for _ in range(16):
                stream = client.stream("GET", f"{server.url}/v1/events", headers=ann)
                assert (await streams.enter_async_context(stream)).status_code == 200
            answer = await client.get(f"{server.url}/v1/events", headers=ann)
            assert error_of(answer) == (429, "too_many_streams")
            message = "16 streams of this caller are open (spec.limits.streams)"
            assert answer.json()["error"]["message"] == message
            for other in (Identity("ann", "agent", tenant="acme"), Identity("ann", "user", tenant="globex")):
                headers = {"authorization": f"Bearer {server.token(other)}"}
                stream = client.stream("GET", f"{server.url}/v1/events", headers=headers)
                assert (await streams.enter_async_context(stream)).status_code == 200
        async with asyncio.timeout(60):
            for _ in range(16):  # as the old ones have ended, there is room for as many
                while await status_of_a_stream(client, server, ann) == 429:
                    pass


async def status_of_a_stream(client: httpx2.AsyncClient, server: Server, headers: dict[str, str]) -> int:
    """Whether it begins."""
    async with client.stream("GET", f"{server.url}/v1/events", headers=headers) as stream:
        return stream.status_code


async def test_a_share_is_given_back_whatever_happens() -> None:
    share = PerCallerLimit(2, code="too_many", message="2 are open")
    for _ in range(3):
        with share.of("ann"), suppress(KeyError), share.of("bob"), share.of("ann"):
            with pytest.raises(ApiError, match="2 are open"), share.of("ann"):
                pass
            raise KeyError


SCOPE: Scope = {"type": "http", "path": "/v1/artifacts", "method": "POST", "headers": []}


async def status_of(app: ConcurrencyLimit | BodyLimit, receive: Receive | None = None) -> int:
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

    app = ConcurrencyLimit(slow, 2, counts=lambda _: True, status=503, code="overloaded", message="try again")
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


@pytest.mark.parametrize(
    "coming", [[], [{"type": "http.request", "body": b"x", "more_body": True}]], ids=["nothing", "half"]
)
async def test_a_body_that_does_not_come(coming: list[Message]) -> None:
    left = list(coming)

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def half() -> Message:
        if left:
            return left.pop()
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(HTTPException, match=r"the body did not come within 0.05 s") as refused:
        await status_of(BodyLimit(reading, limit=10, seconds=0.05), half)
    assert refused.value.status_code == 408


async def test_who_has_sent_the_whole_body_may_stay_on_the_line() -> None:
    hangs_up = asyncio.Event()
    coming: list[Message] = [{"type": "http.request", "body": b"x"}]

    async def receive() -> Message:
        if coming:
            return coming.pop()
        await hangs_up.wait()
        return {"type": "http.disconnect"}

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 200})

    answer = asyncio.ensure_future(status_of(BodyLimit(waiting, limit=10, seconds=0.05), receive))
    await asyncio.sleep(0.2)
    hangs_up.set()
    assert await answer == 200
