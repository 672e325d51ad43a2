"""The runs server as a process: from its environment to SIGTERM."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack

from agent_runtime.auth.run_tokens import verifier
from agent_runtime.config.load import ConfigError, required
from agent_runtime.durable.port import StoreError
from agent_runtime.durable.stores.open import open_store
from agent_runtime.runs.queue.queue import StoredQueue
from agent_runtime.runs.queue.stores.open import make_queue_store
from agent_runtime.server.http.loop import run
from agent_runtime.server.http.uvicorn_server import serve_app
from agent_runtime.server.runs.app import create_app
from agent_runtime.telemetry import logs, traces

KEY = "COVEY_RUNS_KEY"
STORE = "COVEY_RUNS_STORE"

_DRAIN_SECONDS = 3.0
"""How long a draining server still answers 503, until no Service sends it anything any more."""


def main(environ: Mapping[str, str], host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status. Raises ConfigError."""
    logs.configure("runs")
    flush = traces.configure("runs", environ)
    try:
        run(serve(environ, host=host, port=port))
    finally:
        flush()
    return 0


async def serve(
    environ: Mapping[str, str],
    *,
    host: str = "0.0.0.0",
    port: int = 8080,
    sock: socket.socket | None = None,
    stop: asyncio.Event | None = None,
    drain_seconds: float = _DRAIN_SECONDS,
) -> None:
    """Serve until SIGTERM or `stop`. Raises ConfigError for an environment that cannot work."""
    key = required(environ, KEY, "the key that callers' tokens are signed with")
    url = required(environ, STORE, "the store's URL, such as sqlite:////data/runs.sqlite")
    try:
        queue = StoredQueue(make_queue_store(url))
        store = open_store(url)
    except ValueError as error:
        raise ConfigError(f"{STORE}: {error}") from error
    async with AsyncExitStack() as closing:
        try:
            await store.open()
            closing.push_async_callback(store.close)
            await closing.enter_async_context(queue)
        except StoreError as error:
            raise ConfigError(f"{STORE}: the store cannot be opened: {error}") from error
        app = create_app(store, queue, verifier(key))

        async def drain() -> None:
            app.state.health.draining = True
            queue.drain()
            await asyncio.sleep(drain_seconds)

        await serve_app(app, host=host, port=port, sock=sock, drain=drain, stop=stop)
