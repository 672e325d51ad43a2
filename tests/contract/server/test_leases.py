"""Leases over HTTP: who holds one, for how long, and what others get to see of it."""

import asyncio

import httpx2
import pytest
from structlog.testing import capture_logs

from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.telemetry import traces
from tests.contract.boards import EDITOR, SCOUT, WRITER, consumes, finding, report
from tests.contract.server.conftest import Start
from tests.contract.server.serving import GOOD, Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_of_two_with_one_lease_one_finishes_and_the_other_hears_the_same(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as one, server.board(EDITOR) as other:
        await one.subscribe([consumes()])
        await scout.publish([finding()])
        [delivery] = await one.lease(1, 30)
        assert await other.lease(1, 0) == []
        results = await asyncio.gather(
            one.acknowledge(delivery.id, [report(id="r")]), other.acknowledge(delivery.id, [report(id="r")])
        )
        assert results[0] == results[1]
        assert len((await scout.query(Query(type="Report"))).artifacts) == 1
        path = f"/v1/leases/{delivery.id}"
        assert error_of(await server.call("PUT", path, EDITOR)) == (409, "lease_lost")


async def test_a_heartbeat_may_say_how_far_the_work_is(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
        await scout.publish([finding()])
        [delivery] = await editor.lease(1, 30)
        with capture_logs() as lines:
            await editor.extend(delivery.id)
            await editor.extend(delivery.id, "page 3 of 10")
            with pytest.raises(BoardError, match="one line without control characters"):
                await editor.extend(delivery.id, "page 4\nof 10")
        [told] = [line for line in lines if line["event"] == "blackboard: progress"]
        assert (told["agent"], told["delivery"], told["reason"]) == ("editor", delivery.id, "page 3 of 10")
        assert told["log_level"] == "info"


async def test_a_caller_brings_the_trace_that_the_artifact_goes_on_with(server: Server) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with server.board(SCOUT) as scout:
        with traces.carried(trace):
            [traced] = await scout.publish([finding(id="1")])
        [untraced] = await scout.publish([finding(id="2")])
        answer = await server.call(
            "POST", "/v1/artifacts", SCOUT, json=GOOD | {"id": "3"}, headers={"traceparent": "00-nonsense"}
        )
        nonsense = answer.json()["artifacts"][0]["traceparent"]
        assert traced.traceparent == trace
        own = {(found or "").split("-")[1] for found in (traced.traceparent, untraced.traceparent, nonsense)}
        assert len(own) == 3  # who brings none gets one of its own
        assert await scout.get("1") == traced


async def test_who_comes_too_late_has_lost_it(start: Start) -> None:
    async with (
        start(lease={"ttl": "100ms", "maxDeliveries": 100}) as server,
        server.board(SCOUT) as scout,
        server.board(EDITOR) as editor,
    ):
        await editor.subscribe([consumes()])
        await scout.publish([finding()])
        [late] = await editor.lease(1, 30)
        [again] = await editor.lease(1, 30)
        assert again.attempt == 2
        results = {"results": [{"type": "Report", "payload": {}}]}
        answer = await server.call("POST", f"/v1/leases/{late.id}/acknowledge", EDITOR, json=results)
        assert error_of(answer) == (409, "lease_lost")
        assert (await scout.query(Query(type="Report"))).artifacts == ()


async def test_guessing_tells_nothing(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor, server.board(WRITER) as writer:
        await editor.subscribe([consumes()])
        for_editor = {"private": {"agents": ["editor"]}}
        body = {"type": "Finding", "payload": {"title": "secret"}, "id": "known", "visibility": for_editor}
        await server.call("POST", "/v1/artifacts", json=body)
        await scout.publish([finding()])
        [delivery] = await editor.lease(1, 30)
        assert delivery.artifacts[0].id == "known"

        async def told(method: str, path: str) -> tuple[int, str]:
            body = {"error": "x"} if path.endswith("/fail") else None
            answer = await server.call(method, path.replace("~", "%7E"), WRITER, json=body)
            return answer.status_code, answer.json()["error"]["message"]

        for method, path in (
            ("GET", "/v1/artifacts/{}"),
            ("PUT", "/v1/leases/{}@editor~1"),
            ("POST", "/v1/leases/{}@editor~1/fail"),
            ("POST", "/v1/leases/{}@editor~1/release"),
        ):
            there = await told(method, path.format("known"))
            elsewhere = await told(method, path.format("other"))
            assert there[0] == 404
            assert there[1].replace("known", "other") == elsewhere[1]
        assert (await writer.query(Query(correlation="known"))).artifacts == ()
        assert await editor.acknowledge(delivery.id, []) == []


async def test_a_caller_who_hangs_up_takes_no_delivery_along(server: Server) -> None:
    async with server.board(EDITOR) as editor, server.board(SCOUT) as scout:
        await editor.subscribe([consumes()])
        _, writer = await asyncio.open_connection("127.0.0.1", httpx2.URL(server.url).port)
        body = b'{"wait": 60}'
        head = (
            f"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {server.token(EDITOR)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        await scout.query(Query())
        before = await leases_answered(server)
        writer.close()
        async with asyncio.timeout(60):
            while await leases_answered(server) == before:
                await scout.query(Query())
        await scout.publish([finding()])
        [delivery] = await editor.lease(1, 30)
        assert delivery.attempt == 1


async def leases_answered(server: Server) -> list[str]:
    """What the metrics of this process say about requests for deliveries."""
    metrics = (await server.call("GET", "/metrics")).text
    return [
        line
        for line in metrics.splitlines()
        if "covey_http_requests_total{" in line and '/v1/leases"' in line
    ]
