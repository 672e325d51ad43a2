"""Answers that are lost on the way: every call is made again, and nothing happens twice."""

from datetime import UTC, datetime

import httpx2
import pytest

from agent_runtime.core.clock import Clock
from agent_runtime.durable.port import Boundary, Entry, Record, Unavailable
from tests.clocks import SteppingClock
from tests.contract.runs.queue.serving import QUEUE, RUN, Server

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Forgetful(httpx2.AsyncHTTPTransport):
    """Sends every request, and loses the answer to each that it has not met before."""

    def __init__(self) -> None:
        super().__init__()
        self._met: set[tuple[str, str, bytes]] = set()
        self.lost = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        asked = (request.method, str(request.url), request.content)
        if asked in self._met:
            return response
        self._met.add(asked)
        self.lost += 1
        await response.aread()
        await response.aclose()
        raise httpx2.ReadError("the connection broke while the answer was on its way", request=request)


class BrokenOff(httpx2.AsyncHTTPTransport):
    """Breaks every body off after its first piece, until `whole` requests were made."""

    def __init__(self, whole: int) -> None:
        super().__init__()
        self._left = whole

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        self._left -= 1
        if self._left >= 0:
            response.stream = FirstPieceOnly(response)
        return response


class FirstPieceOnly(httpx2.AsyncByteStream):
    """A body whose connection breaks."""

    def __init__(self, response: httpx2.Response) -> None:
        self._stream = response.stream

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        assert isinstance(self._stream, httpx2.AsyncByteStream)
        async for piece in self._stream:
            yield piece[: len(piece) * 2 // 3]
            raise httpx2.ReadError("the connection broke")

    async def aclose(self) -> None:
        assert isinstance(self._stream, httpx2.AsyncByteStream)
        await self._stream.aclose()


def entry(number: int) -> Entry:
    """A boundary that says its number."""
    return Entry(Boundary(number, "draft", number, None, AT), b'{"number":%d}' % number)


@pytest.fixture
def stepping() -> Clock:
    """Waiting between attempts takes no time."""
    return SteppingClock()


async def test_a_run_is_written_once(server: Server, stepping: Clock) -> None:
    transport = Forgetful()
    store = server.store(client=httpx2.AsyncClient(transport=transport), clock=stepping)
    writer = await store.acquire(RUN, "pod-1", 30)
    assert writer.generation == 2  # the first acquisition was its own
    for number in range(5):
        await store.record(writer, [Record("each", number, 0, b"1")])
        await store.commit(writer, [entry(number)], keep=3, drop=[("each", number)])
    await store.renew(writer, 30)
    assert await store.history(RUN) == [entry(number).boundary for number in (2, 3, 4)]
    assert await store.latest(RUN) == entry(4)
    assert await store.fork(RUN, 3, "news/b/1") == entry(3).boundary
    await store.release(writer)
    await store.delete(RUN)
    assert await store.latest(RUN) is None
    assert transport.lost >= 15


async def test_a_run_is_worked_on_once(server: Server, stepping: Clock) -> None:
    queue = server.queue(client=httpx2.AsyncClient(transport=Forgetful()), clock=stepping)
    for number in range(3):
        await queue.submit(f"run/{number}", QUEUE, b"{}")
    tickets = [await queue.take(QUEUE, "worker-1", 30) for _ in range(3)]
    assert [ticket and (ticket.run, ticket.attempt) for ticket in tickets] == [
        ("run/0", 1),
        ("run/1", 1),
        ("run/2", 1),
    ]
    for ticket in tickets:
        assert ticket is not None
        assert await queue.heartbeat(ticket, 30, b"{}") == "Run"
        await queue.finish(ticket, b'{"waiting":{}}')
    await queue.update("run/1", b"answers", "Run")
    states = [await queue.state(f"run/{number}") for number in range(3)]
    assert [state and state.state for state in states] == ["Suspended", "Waiting", "Suspended"]


async def test_records_go_on_where_they_broke_off(server: Server, stepping: Clock) -> None:
    writer = await server.store().acquire(RUN, "pod-1", 30)
    body = b'"' + b"x" * 400 + b'"'
    await server.store().record(writer, [Record("each", 1, index, body) for index in range(900)])
    broken = httpx2.AsyncClient(transport=BrokenOff(5))
    store = server.store(client=broken, clock=stepping)
    assert [one async for one in store.records(RUN, "each", 1)] == [(index, body) for index in range(900)]
    hasty = server.store(client=httpx2.AsyncClient(transport=BrokenOff(5)), patience=0)
    with pytest.raises(Unavailable, match="the connection broke"):
        assert [one async for one in hasty.records(RUN, "each", 1)]
