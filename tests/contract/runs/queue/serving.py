"""A runs server for tests: in this process, on a free port, with a clock that is set by hand."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from agent_runtime.auth.run_tokens import Caller, mint, verifier
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.durable.port import RunStore
from agent_runtime.durable.stores.sqlite.store import SqliteRunStore
from agent_runtime.runs.queue.client import HttpQueue
from agent_runtime.runs.queue.queue import StoredQueue
from agent_runtime.runs.queue.stores.sqlite import SqliteQueueStore
from agent_runtime.server.http.uvicorn_server import serve_app
from agent_runtime.server.runs.app import MAX_BODY, create_app

KEY = "k" * 64
OPERATOR = Caller("operator", "operator")
RUN = "news/a/1"
QUEUE = "news/brief"
AS_RUN = Caller(RUN, "run", frozenset({"news/parent/0"}))
AS_WORKER = Caller(QUEUE, "worker")


@dataclass
class Server:
    """A running server; what its clients hold is closed with it."""

    url: str
    stored: StoredQueue
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    def store(self, caller: Caller = OPERATOR, **options: Any) -> HttpRunStore:
        """The run store as the caller sees it."""
        store = HttpRunStore(self.url, mint(KEY, caller), **options)
        self.closing.push_async_callback(store.close)
        return store

    def queue(self, caller: Caller = OPERATOR, **options: Any) -> HttpQueue:
        """The queue as the caller sees it."""
        queue = HttpQueue(self.url, mint(KEY, caller), **options)
        self.closing.push_async_callback(queue.close)
        return queue

    async def until_waiting(self, calls: int) -> None:
        """Return when so many calls wait."""
        async with asyncio.timeout(60):
            while self.stored.waiting != calls:
                await self.call("GET", "/healthz")

    def drain(self) -> None:
        """As SIGTERM does."""
        self.stored.drain()

    async def call(
        self, method: str, path: str, caller: Caller = OPERATOR, **options: Any
    ) -> httpx2.Response:
        """One bare request."""
        headers = {"authorization": f"Bearer {mint(KEY, caller)}"} | options.pop("headers", {})
        async with httpx2.AsyncClient(timeout=60) as client:
            return await client.request(method, self.url + path, headers=headers, **options)


@asynccontextmanager
async def serving(store: RunStore, queue: StoredQueue, *, max_body: int = MAX_BODY) -> AsyncIterator[Server]:
    """The socket is open from the start, so that the first request waits until the server is up."""
    async with AsyncExitStack() as closing:
        await store.open()
        closing.push_async_callback(store.close)
        await closing.enter_async_context(queue)
        sock = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        app = create_app(store, queue, verifier(KEY), max_body=max_body)
        stop = asyncio.Event()

        async def drain() -> None:
            queue.drain()

        task = asyncio.create_task(serve_app(app, sock=sock, drain=drain, stop=stop))
        server = Server(f"http://127.0.0.1:{sock.getsockname()[1]}", queue)
        async with server.closing:
            yield server
        stop.set()
        await task


@asynccontextmanager
async def on_sqlite(folder: Path, clock: Clock = SYSTEM_CLOCK, **options: Any) -> AsyncIterator[Server]:
    """A server on SQLite in a folder."""
    store = SqliteRunStore(folder / "runs.sqlite", clock)
    queue = StoredQueue(SqliteQueueStore(folder / "queue.sqlite"), clock=clock)
    async with serving(store, queue, **options) as server:
        yield server
