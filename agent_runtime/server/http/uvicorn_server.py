"""Run an app under uvicorn until SIGTERM or SIGINT, then drain it and leave with exit status 0."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from agent_runtime.auth.metrics_token import MetricsToken
from agent_runtime.core.forked import not_in_children
from agent_runtime.server.http.gc_tuning import tune_gc
from agent_runtime.server.http.header_limits import bounded_heads
from agent_runtime.server.http.metrics_access import GuardedMetrics
from agent_runtime.server.http.sockets import close_sockets

Drain = Callable[[], Awaitable[None]]
"""Called once when the server is to stop: refuse what is new, let waiters go. Requests are still answered."""


class _DrainingServer(uvicorn.Server):
    """A server that drains before it closes its socket; a second signal closes it at once."""

    def __init__(self, config: uvicorn.Config, drain: Drain | None) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would note the signal and raise it again at the end, which turns a clean stop into 143
        self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """As a signal does: the first drains, the second stops."""
        if self._draining is not None or self._drain is None:
            self.should_exit = True
        else:
            self._draining = asyncio.ensure_future(self._drain_then_exit(self._drain))

    async def _drain_then_exit(self, drain: Drain) -> None:
        try:
            await drain()
        finally:
            self.should_exit = True


async def serve_app(
    app: ASGIApp,
    *,
    host: str = "0.0.0.0",
    port: int = 8080,
    sock: socket.socket | None = None,
    drain: Drain | None = None,
    stop: asyncio.Event | None = None,
    grace: float = 10.0,
    heads: type[asyncio.Protocol] | None = None,
) -> None:
    """Serve until a signal comes or `stop` is set; then `drain`; open requests get `grace` seconds more.

    `sock` is a socket that is bound already and takes the place of host and port. `heads` in place of
    `bounded_heads()`; nobody speaks WebSockets. `/metrics` asks for a token when the environment names one.
    """
    token = MetricsToken.from_environ(os.environ)
    config = uvicorn.Config(
        GuardedMetrics(app, token) if token.digest else app,
        host=host,
        port=port,
        http=heads or bounded_heads(),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=max(1, round(grace)),
        server_header=False,
    )
    server = _DrainingServer(config, drain)
    not_in_children(server, close_sockets)
    tune_gc()
    watch = asyncio.ensure_future(_stop_on(stop, server)) if stop is not None else None
    try:
        await server.serve([sock] if sock is not None else None)
    finally:
        if watch is not None:
            watch.cancel()


async def _stop_on(stop: asyncio.Event, server: _DrainingServer) -> None:
    await stop.wait()
    server.stop()
