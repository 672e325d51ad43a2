"""The runs server on a free port: who may do what, what is refused and how, and what it says about itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import orjson
import pytest

from agent_runtime.auth.run_tokens import Caller, mint
from agent_runtime.durable.client.frames import frame
from agent_runtime.durable.client.transport import Refused
from agent_runtime.durable.client.wire import commit_to_wire
from agent_runtime.durable.port import Boundary, Entry, LeaseLost, NoSuchRun, Record, RunHeld
from tests.clocks import ManualClock
from tests.contract.runs.queue.serving import (
    AS_RUN,
    AS_WORKER,
    KEY,
    OPERATOR,
    QUEUE,
    RUN,
    Server,
    on_sqlite,
)

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def entry(number: int, body: bytes = b"{}") -> Entry:
    """A boundary after a visit to `draft`."""
    return Entry(Boundary(number, "draft", number, "default", AT), body)


COMMIT = commit_to_wire([entry(0)], [])
WRITER = "holder=pod-1&generation=1"
TICKET = f"queue={QUEUE}&holder=w&generation=1"


async def prepare(server: Server) -> None:
    """A run of its own, one it may read, a strange one, and one in the queue whose ticket is taken."""
    store = server.store()
    for run in (RUN, "news/parent/0", "news/b/1", "news/queued/1"):
        writer = await store.acquire(run, "pod-1", 30)
        await store.commit(writer, [entry(0)], keep=10)
    queue = server.queue()
    await queue.submit("news/queued/1", QUEUE, b"{}")
    await queue.submit("news/theirs/1", "news/other", b"{}")
    await queue.take(QUEUE, "w", 30)
    await queue.take("news/other", "w", 30)


EACH_RUN = [
    ("POST", "/v1/lease?holder=pod-1&ttl=30", b""),
    ("PUT", f"/v1/lease?{WRITER}&ttl=30", b""),
    ("POST", f"/v1/commit?{WRITER}&keep=3", COMMIT),
    ("POST", f"/v1/records?{WRITER}", frame(["each", 1, 0], b"1")),
    ("GET", "/v1/entry?", b""),
    ("GET", "/v1/history?", b""),
    ("GET", "/v1/progress?", b""),
    ("GET", "/v1/records?path=each&visit=1", b""),
    ("GET", "/v1/records/count?path=each&visit=1", b""),
    ("DELETE", f"/v1/lease?{WRITER}", b""),
]


@pytest.mark.parametrize(("method", "path", "content"), EACH_RUN, ids=lambda value: str(value)[:20])
async def test_a_run_reaches_itself_and_reads_what_it_was_told_and_nothing_else(
    server: Server, method: str, path: str, content: bytes
) -> None:
    await prepare(server)

    async def status(caller: Caller, run: str) -> int:
        joined = f"{path}{'' if path.endswith('?') else '&'}run={run}"
        return (await server.call(method, joined, caller, content=content)).status_code

    assert await status(AS_RUN, RUN) in (200, 204)
    assert await status(AS_RUN, "news/parent/0") == (200 if method == "GET" else 403)
    assert await status(AS_RUN, "news/b/1") == 403
    assert await status(AS_RUN, "news/nobody/1") == 403
    assert await status(AS_WORKER, "news/queued/1") in (200, 204)
    assert await status(AS_WORKER, "news/theirs/1") == 403
    assert await status(AS_WORKER, RUN) == 403


CROSSING = [
    (AS_RUN, "POST", f"/v1/fork?run={RUN}&into=news/b/2", 403),
    (AS_RUN, "POST", f"/v1/fork?run=news/b/1&into={RUN}", 403),
    (AS_RUN, "POST", f"/v1/fork?run=news/parent/0&into={RUN}", 200),
    (AS_WORKER, "POST", "/v1/fork?run=news/b/1&into=news/queued/1", 403),
    (AS_RUN, "GET", "/v1/runs", 403),
    (AS_WORKER, "GET", "/v1/runs", 403),
    (OPERATOR, "GET", "/v1/runs", 200),
    (AS_RUN, "DELETE", f"/v1/runs?run={RUN}", 403),
    (AS_WORKER, "DELETE", "/v1/runs?run=news/queued/1", 403),
    (AS_RUN, "GET", "/v1/cache?scope=news/brief&key=k", 204),
    (AS_RUN, "GET", "/v1/cache?scope=other/brief&key=k", 403),
    (AS_WORKER, "PUT", "/v1/cache?scope=other/brief&key=k&ttl=1", 403),
    (AS_RUN, "POST", f"/v1/queue?run={RUN}&queue={QUEUE}", 403),
    (AS_WORKER, "POST", f"/v1/queue?run={RUN}&queue={QUEUE}", 403),
    (AS_WORKER, "PUT", "/v1/queue?run=news/queued/1&wanted=Cancel", 403),
    (AS_WORKER, "GET", "/v1/queue?run=news/queued/1", 403),
    (AS_WORKER, "DELETE", "/v1/queue?run=news/queued/1", 403),
    (AS_WORKER, "GET", "/v1/changes", 403),
    (AS_RUN, "POST", f"/v1/tickets?queue={QUEUE}&holder=w&ttl=30", 403),
    (AS_WORKER, "POST", f"/v1/tickets?queue={QUEUE}&holder=w&ttl=30", 204),
    (AS_WORKER, "POST", "/v1/tickets?queue=news/other&holder=w&ttl=30", 403),
    (AS_WORKER, "PUT", "/v1/tickets?run=news/theirs/1&queue=news/other&holder=w&generation=1&ttl=30", 403),
    (AS_WORKER, "PUT", f"/v1/tickets?run=news/theirs/1&{TICKET}&ttl=30", 409),
    (AS_WORKER, "POST", f"/v1/tickets/finish?run=news/theirs/1&{TICKET}", 409),
    (AS_WORKER, "PUT", f"/v1/tickets?run=news/queued/1&{TICKET}&ttl=30", 200),
    (AS_RUN, "POST", f"/v1/tickets/finish?run=news/queued/1&{TICKET}", 403),
]


async def test_no_line_can_be_crossed_and_every_denial_is_logged_and_counted(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    await prepare(server)
    denied = 0
    for caller, method, path, status in CROSSING:
        answer = await server.call(method, path, caller, content=b"{}" if method != "GET" else None)
        assert answer.status_code == status, (caller.role, method, path, answer.text)
        if status == 403:
            denied += 1
            error = answer.json()["error"]
            assert error["code"] == "forbidden" or error["code"] == "no_ticket"
            assert caller.name in error["message"]
            assert error["traceId"] in capsys.readouterr().out
    metrics = (await server.call("GET", "/metrics")).text
    counted = [float(line.split()[1]) for line in metrics.splitlines() if "denials_total{" in line]
    assert sum(counted) == denied


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic eDp5",
        "Bearer",
        "Bearer nonsense",
        f"Bearer {mint('x' * 64, OPERATOR)}",
        f"Bearer {mint(KEY, OPERATOR, until=1)}",
    ],
    ids=["none", "basic", "empty", "nonsense", "forged", "expired"],
)
async def test_who_is_not_known_is_not_let_in(server: Server, authorization: str) -> None:
    paths = json.loads((await server.call("GET", "/openapi.json")).text)["paths"]
    for path, methods in paths.items():
        for method in methods:
            answer = await server.call(method.upper(), path, headers={"authorization": authorization})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
            assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code", "pointer"),
    [
        ("POST", f"/v1/lease?run={RUN}&holder=x", b"", 422, "invalid", "/query/ttl"),
        ("POST", f"/v1/lease?run={RUN}&holder=x&ttl=nan", b"", 422, "invalid", "/query/ttl"),
        ("POST", f"/v1/lease?run={RUN}&holder=x&ttl=0", b"", 422, "invalid", "/query/ttl"),
        ("POST", "/v1/lease?run=&holder=x&ttl=1", b"", 422, "invalid", "/query/run"),
        ("POST", "/v1/lease?run=a%00b&holder=x&ttl=1", b"", 422, "invalid", "/query/run"),
        ("POST", "/v1/lease?run=a%0Ab&holder=x&ttl=1", b"", 422, "invalid", "/query/run"),
        ("POST", f"/v1/lease?run={RUN}&holder=x&ttl=1&colour=red", b"", 422, "invalid", "/query/colour"),
        ("POST", f"/v1/commit?run={RUN}&{WRITER}&keep=0", COMMIT, 422, "invalid", "/query/keep"),
        ("POST", f"/v1/commit?run={RUN}&{WRITER}&keep=1", b"", 400, "not_frames", ""),
        ("POST", f"/v1/commit?run={RUN}&{WRITER}&keep=1", COMMIT[:-1], 400, "not_frames", ""),
        ("POST", f"/v1/commit?run={RUN}&{WRITER}&keep=1", b"[0]\n\n[0]\n\n", 422, "invalid", ""),
        ("POST", f"/v1/records?run={RUN}&{WRITER}", frame(["each", -1, 0], b""), 422, "invalid", ""),
        ("GET", f"/v1/entry?run={RUN}&number=-1", b"", 422, "invalid", "/query/number"),
        ("GET", "/v1/runs?limit=100000", b"", 422, "invalid", "/query/limit"),
        ("GET", "/v1/progress?run=news/none/1", b"", 404, "no_such_run", ""),
        ("POST", f"/v1/fork?run=news/none/1&into={RUN}2", b"", 404, "no_such_run", ""),
        ("PUT", f"/v1/queue?run={RUN}&wanted=Go", b"", 422, "invalid", "/query/wanted"),
        ("PUT", f"/v1/queue?run={RUN}&wanted=Run", b"", 404, "no_such_run", ""),
        ("POST", f"/v1/queue?run={RUN}&queue={QUEUE}", b"x" * 1_048_577, 413, "too_large", ""),
        ("POST", f"/v1/tickets?queue={QUEUE}&holder=w&ttl=1&wait=31", b"", 422, "invalid", "/query/wait"),
        ("PUT", f"/v1/tickets?run={RUN}&{TICKET}&ttl=1", b"{", 400, "not_json", ""),
        ("POST", f"/v1/tickets/finish?run={RUN}&{TICKET}", b"[]", 422, "invalid", ""),
        ("POST", f"/v1/tickets/finish?run={RUN}&{TICKET}", b"{}", 409, "lease_lost", ""),
        ("GET", "/v1/changes?after=x", b"", 422, "invalid", "/query/after"),
        ("GET", "/v1/nothing", b"", 404, "no_such_path", ""),
        ("PATCH", "/v1/runs", b"", 405, "method_not_allowed", ""),
    ],
)  # fmt: skip
async def test_refusals_have_one_shape(
    server: Server, method: str, path: str, content: bytes, status: int, code: str, pointer: str
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = await server.call(method, path, headers=headers, content=content)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["traceId"]) == (status, code, trace), error
    assert [detail["pointer"] for detail in error["details"]] == ([pointer] if pointer else [])


async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path, clock: ManualClock) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1000

    async with on_sqlite(tmp_path, clock, max_body=100_000) as server:
        path = f"/v1/commit?run={RUN}&{WRITER}&keep=1"
        answer = await server.call("POST", path, AS_RUN, content=endless())
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        store = server.store(AS_RUN)
        writer = await store.acquire(RUN, "pod-1", 30)
        with pytest.raises(Refused, match="larger than 100000 bytes") as refused:
            await store.commit(writer, [entry(0, b"x" * 100_000)], keep=1)
        assert refused.value.status == 413
        await store.commit(writer, [entry(0, b"x" * 99_000)], keep=1)


async def test_clients_get_the_errors_of_the_port(server: Server) -> None:
    store = server.store(AS_RUN)
    writer = await store.acquire(RUN, "pod-1", 30)
    await store.commit(writer, [entry(4), entry(5)], keep=10)
    with pytest.raises(RunHeld, match="pod-1") as held:
        await store.acquire(RUN, "pod-2", 30)
    assert held.value.until.tzinfo is not None
    await store.acquire(RUN, "pod-2", 30, take_over=True)
    with pytest.raises(LeaseLost, match="since generation 1"):
        await store.renew(writer, 30)
    with pytest.raises(NoSuchRun) as missing:
        await server.store().fork(RUN, 7, "news/c/1")
    assert missing.value.known == (4, 5)
    with pytest.raises(Refused, match="may not read") as refused:
        await store.latest("news/b/1")
    assert refused.value.status == 403


async def test_a_worker_without_a_ticket_has_lost_the_run(server: Server) -> None:
    await prepare(server)
    queue, store = server.queue(AS_WORKER), server.store(AS_WORKER)
    writer = await store.acquire("news/queued/1", "pod-1", 30)
    ticket = await queue.take(QUEUE, "w", 30)
    assert ticket is None
    await server.call("POST", f"/v1/tickets/finish?run=news/queued/1&{TICKET}", AS_WORKER, content=b"{}")
    with pytest.raises(LeaseLost):
        await store.commit(writer, [entry(1)], keep=3)


async def test_where_a_run_stands(server: Server) -> None:
    store = server.store()
    writer = await store.acquire(RUN, "pod-1", 30)
    extra = {"nodes": [{"name": "draft", "state": "Succeeded"}]}
    body = orjson.dumps({"shared": {"secret": 1}, "extra": extra, "end": None})
    await store.commit(writer, [entry(3, body)], keep=3)
    answer = await server.call("GET", f"/v1/progress?run={RUN}")
    boundary = [3, "draft", 3, "default", AT.isoformat()]
    assert answer.json() == {"boundary": boundary, "ended": False, "extra": extra}


async def test_records_pass_through_in_pieces(server: Server) -> None:
    store = server.store(AS_RUN)
    writer = await store.acquire(RUN, "pod-1", 30)
    body = b'"' + b"x" * 500 + b'"'
    for begin in range(0, 4000, 1000):
        batch = [Record("each", 1, index, body) for index in range(begin, begin + 1000)]
        await store.record(writer, batch)
    assert [index async for index, _ in store.records(RUN, "each", 1)] == list(range(4000))
    assert [index async for index, _ in store.records(RUN, "each", 1, after=3996)] == [3997, 3998, 3999]
    headers = {"authorization": f"Bearer {mint(KEY, AS_RUN)}"}
    url = f"{server.url}/v1/records?run={RUN}&path=each&visit=1"
    async with httpx2.AsyncClient() as client, client.stream("GET", url, headers=headers) as response:
        assert response.headers["transfer-encoding"] == "chunked"
        sizes = [len(piece) async for piece in response.aiter_raw()]
    assert len(sizes) > 10


async def test_health_and_description(server: Server) -> None:
    assert (await server.call("GET", "/healthz")).json() == {"status": "alive"}
    ready = await server.call("GET", "/readyz")
    assert ready.json()["dependencies"] == {"store": "ok", "queue": "ok"}
    document = (await server.call("GET", "/openapi.json")).json()
    commit = document["paths"]["/v1/commit"]["post"]
    assert {one["name"]: one["required"] for one in commit["parameters"]} == {
        "run": True,
        "holder": True,
        "generation": True,
        "keep": True,
    }
    assert commit["requestBody"]["content"]
    assert "409" in commit["responses"]
    described = {f"{method} {path}" for path, each in document["paths"].items() for method in each}
    assert len(described) == 23


async def test_metrics(server: Server) -> None:
    await prepare(server)
    text = (await server.call("GET", "/metrics")).text
    for line in (
        "covey_runs_boundaries_committed_total 4.0",
        f'covey_runs_tickets_total{{outcome="taken",queue="{QUEUE}"}} 1.0',
        f'covey_runs_queued{{queue="{QUEUE}",state="Running"}} 1.0',
    ):
        assert line in text
    assert 'route="/v1/commit",status="204"' in text


async def test_while_draining_calls_are_refused_and_those_who_wait_are_let_go(server: Server) -> None:
    waiting = asyncio.create_task(
        server.call("POST", f"/v1/tickets?queue={QUEUE}&holder=w&ttl=30&wait=30", AS_WORKER)
    )
    following = asyncio.create_task(server.call("GET", "/v1/changes?wait=30"))
    await server.until_waiting(2)
    server.drain()
    assert (await waiting).status_code == 204
    assert (await following).json() == {"changes": []}
    answer = await server.call("GET", "/v1/runs")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["code"] == "draining"
    assert (await server.call("GET", "/healthz")).status_code == 200


async def test_a_caller_who_hangs_up_takes_no_ticket_along(server: Server) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", httpx2.URL(server.url).port)
    head = (
        f"POST /v1/tickets?queue={QUEUE}&holder=gone&ttl=30&wait=30 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {mint(KEY, AS_WORKER)}\r\nContent-Length: 0\r\n\r\n"
    )
    writer.write(head.encode())
    await writer.drain()
    await server.until_waiting(1)
    writer.close()
    await server.until_waiting(0)
    await server.queue().submit(RUN, QUEUE, b"{}")
    ticket = await server.queue(AS_WORKER).take(QUEUE, "w", 30)
    assert ticket is not None
    assert (ticket.holder, ticket.attempt) == ("w", 1)
