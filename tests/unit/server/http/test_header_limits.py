"""Who has not said who is calling costs little: heads have a size and a time, on every server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from agent_runtime.server.http.header_limits import bounded_heads
from agent_runtime.server.http.uvicorn_server import serve_app

LARGEST = 1000
FOREVER = 3600.0
START = b"GET / HTTP/1.1\r\nHost: here\r\n"
WHOLE = START + b"\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body; at `/early` before it is there."""
    if scope["type"] != "http":
        return
    body = b"" if scope["path"] == "/early" else await Request(scope, receive).body()
    told = str(len(body)).encode()
    head = [(b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": told})


@asynccontextmanager
async def connected(seconds: float) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """To a server whose heads may take so many seconds."""
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        heads = bounded_heads(LARGEST, seconds)
        task = asyncio.create_task(serve_app(app, sock=sock, stop=stop, grace=1, heads=heads))
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        async with asyncio.timeout(60):
            yield reader, writer
        writer.close()
        stop.set()
        await task


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


@pytest.mark.parametrize(
    "sent",
    [
        START + b"X-Long: ",
        b"GET /",
        b"POST / HTTP/1.1\r\nHost: here\r\n" + b"X-Short: a\r\n" * 50,
        WHOLE + START,
    ],
    ids=["a header", "the line", "the last of many headers", "the second head"],
)
async def test_a_head_that_is_too_large(sent: bytes) -> None:
    async with connected(FOREVER) as (reader, writer):
        writer.write(sent)
        if sent.startswith(WHOLE):
            assert (await answer(reader))[0] == 200
        writer.write(b"a" * (LARGEST + 1))
        status, body = await answer(reader)
        assert (status, b'"head_too_large"' in body) == (431, True)
        assert b"the head is larger than 1000 bytes" in body
        assert await reader.read() == b"", "and hangs up"


async def test_what_trails_a_body_is_bounded_too() -> None:
    async with connected(FOREVER) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await writer.drain()
        writer.write(b"0\r\nX-Trailer: ")
        for _ in range(20):
            writer.write(b"a" * 100)
            await asyncio.sleep(0)
        with suppress(ConnectionError):  # it may hang up while more is on its way
            assert await reader.read() == b""


@pytest.mark.parametrize("sent", [b"", b"GET / HT", START], ids=["nothing", "half a line", "half a head"])
async def test_a_head_that_does_not_come(sent: bytes) -> None:
    async with connected(0.5) as (reader, writer):
        writer.write(sent)
        if sent:
            status, body = await answer(reader)
            assert (status, b'"too_slow"' in body) == (408, True)
            assert b"the head did not come within 0.5 s" in body
        assert await reader.read() == b""


async def test_nor_does_the_rest_of_a_request_that_is_answered_keep_a_connection() -> None:
    async with connected(0.5) as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n")
        assert await answer(reader) == (200, b"0")
        writer.write(b"a")
        assert await reader.read() == b""


async def test_a_body_may_take_longer_and_be_larger() -> None:
    async with connected(0.5) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5001\r\n\r\n" + b"a" * 5000)
        await asyncio.sleep(0.7)
        writer.write(b"a")
        assert await answer(reader) == (200, b"5001")
        writer.write(WHOLE)
        assert await answer(reader) == (200, b"0")
