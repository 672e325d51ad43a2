"""The process of an agent: what its pods do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from agent_runtime.agents.consumer import consume
from agent_runtime.agents.worker import AgentWorker
from agent_runtime.auth.token_file import TokenFile
from agent_runtime.config.load import required
from agent_runtime.config.models import AgentConfig, BoardAccess
from agent_runtime.core.background import keep_running, spawn
from agent_runtime.models.build import build_model
from agent_runtime.server.agent import create_app
from agent_runtime.server.http.auth import shared_token
from agent_runtime.server.http.health import Check, Health
from agent_runtime.server.http.loop import run
from agent_runtime.server.http.uvicorn_server import serve_app
from agent_runtime.telemetry import logs, traces
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox

_CONSUMER_GRACE = 18.0
_HTTP_GRACE = 8.0
"""Both together stay below the 30 seconds that Kubernetes gives a pod to end."""


def main(config: AgentConfig, environ: Mapping[str, str], host: str, port: int) -> int:
    """Serve the agent until SIGTERM or SIGINT; returns the exit status.

    Raises ConfigError when a token is missing and ModelError when the model cannot be made.
    """
    service = f"agent/{config.name}"
    logs.configure(service)
    flush = traces.configure(service, environ)
    try:
        run(_serve(config, environ, host, port))
    finally:
        flush()
    return 0


def build_worker(config: AgentConfig, environ: Mapping[str, str]) -> AgentWorker:
    """The agent with its model and its tools. The model must be closed in the end."""
    tools = Toolbox([BUILTIN[tool.builtin] for tool in config.tools], ToolContext.from_environ(environ))
    model = build_model(config.model, environ)
    return AgentWorker(config, model=model, tools=tools, observer=logs.LogEvents())


async def _serve(config: AgentConfig, environ: Mapping[str, str], host: str, port: int) -> None:
    verify = None
    if config.token_env is not None:
        verify = shared_token(required(environ, config.token_env, "the token that callers must bring"))
    worker = build_worker(config, environ)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(worker.close)
        checks: dict[str, Check] = {}
        drains: list[Callable[[], Awaitable[None]]] = []
        if config.blackboard is not None and config.blackboard.consumes:
            consuming = _Consuming(worker, config.blackboard, environ)
            closing.push_async_callback(consuming.close)
            checks["blackboard"] = consuming.check
            drains.append(consuming.drain)
        health = Health(checks)

        async def drain() -> None:
            health.draining = True
            for each in drains:
                await each()

        app = create_app(worker, health, verify)
        await serve_app(app, host=host, port=port, drain=drain, grace=_HTTP_GRACE)


class _Consuming:
    """The consumer as a part of the server: whether it is ready, and how it is ended."""

    def __init__(self, worker: AgentWorker, access: BoardAccess, environ: Mapping[str, str]) -> None:
        from agent_runtime.blackboard.client.client import HttpBoard

        token = required(environ, access.token_env, f'the grant for Blackboard "{access.name}"')
        self._access = access
        proof = TokenFile(Path(access.token_file)) if access.token_file is not None else None
        self._board = HttpBoard(access.url, token, proof=proof, trace=traces.outgoing_headers)
        self._stop = asyncio.Event()
        self._ready = False
        self._task = spawn(
            keep_running(
                lambda: consume(worker, self._board, self._stop, on_ready=self._note, grace=_CONSUMER_GRACE),
                name="consumer",
                sleep=self._pause,
            ),
            name="consumer",
        )

    async def check(self) -> None:
        """Raise unless subscribed."""
        if not self._ready:
            raise ConnectionError(
                f'not subscribed to Blackboard "{self._access.name}" at {self._access.url} yet'
            )

    async def _pause(self, seconds: float) -> None:
        """Before it is started again; a stop ends the pause."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def drain(self) -> None:
        """Take nothing more, and finish what is under way."""
        self._stop.set()
        await asyncio.wait({self._task})

    async def close(self) -> None:
        """Let go of the connections."""
        await self.drain()
        await self._board.close()

    def _note(self, ready: bool) -> None:
        self._ready = ready
