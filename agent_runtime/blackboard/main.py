"""A blackboard server as a process: from its config to SIGTERM."""

import asyncio
import socket
from collections.abc import Mapping

from agent_runtime.blackboard.events import all_of, log
from agent_runtime.blackboard.service import BlackboardService
from agent_runtime.blackboard.stores.open import make_store
from agent_runtime.blackboard.types import TypeRegistry
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.serving.auth import signed
from agent_runtime.serving.blackboard import create_app
from agent_runtime.serving.blackboard_metrics import BlackboardMetrics
from agent_runtime.serving.server import serve_app

_DRAIN_SECONDS = 3.0
"""How long a draining server still answers 503, until no Service sends it anything any more."""


async def serve(
    config: BlackboardConfig,
    environ: Mapping[str, str],
    *,
    host: str = "0.0.0.0",
    port: int = 8080,
    sock: socket.socket | None = None,
    stop: asyncio.Event | None = None,
    drain_seconds: float = _DRAIN_SECONDS,
) -> None:
    """Serve until SIGTERM or `stop`. Raises ValueError for a config or environment that cannot work."""
    key = environ.get(config.key_env, "")
    if not key:
        raise ValueError(f"callers' tokens cannot be checked: set {config.key_env} to the board's key")
    metrics = BlackboardMetrics()
    service = BlackboardService(
        make_store(config, environ),
        TypeRegistry(config.types),
        max_payload=config.limits.max_payload,
        observer=all_of(metrics.observe, log),
    )
    verify = signed(key, f"blackboard/{config.namespace}/{config.name}")
    async with service:
        app = create_app(service, verify, metrics=metrics, max_payload=config.limits.max_payload)

        async def drain() -> None:
            app.state.health.draining = True
            service.drain()
            await asyncio.sleep(drain_seconds)

        await serve_app(app, host=host, port=port, sock=sock, drain=drain, stop=stop)
