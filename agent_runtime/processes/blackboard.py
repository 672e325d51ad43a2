"""A blackboard server as a process: from its config to SIGTERM."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from agent_runtime.auth.service_accounts import ProjectedTokens
from agent_runtime.auth.tokens import grant_audience, pod_audience
from agent_runtime.blackboard.service.build import make_service
from agent_runtime.blackboard.service.events import all_of, log
from agent_runtime.blackboard.stores.open import make_store
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.server.blackboard.app import create_app
from agent_runtime.server.blackboard.callers import service_account, signed_grant
from agent_runtime.server.blackboard.metrics import BlackboardMetrics
from agent_runtime.server.http.auth import Verify
from agent_runtime.server.http.uvicorn_server import serve_app

if TYPE_CHECKING:
    from agent_runtime.eventlog.recorder import Recorder

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
    store = make_store(config, environ)
    recorder = _recorder(config, environ, store, metrics)
    verify = _verifier(config, key)
    async with AsyncExitStack() as stack:
        if recorder is None:
            service = make_service(config, store, all_of(metrics.observe, log), environ)
            await stack.enter_async_context(service)
        else:
            observer = all_of(metrics.observe, log, recorder.observe)
            service = make_service(config, store, observer, environ, recorder.may_prune)
            await stack.enter_async_context(service)
            await stack.enter_async_context(recorder)
        noted = {} if recorder is None else {"eventLog": recorder.check}
        app = create_app(service, verify, metrics=metrics, limits=config.limits, noted=noted)

        async def drain() -> None:
            app.state.health.draining = True
            service.drain()
            await asyncio.sleep(drain_seconds)

        await serve_app(app, host=host, port=port, sock=sock, drain=drain, stop=stop)


def _recorder(
    config: BlackboardConfig, environ: Mapping[str, str], store: Store, metrics: BlackboardMetrics
) -> "Recorder | None":
    """What keeps the board's event log; None when it has none, and then its clients are not imported."""
    if config.event_log is None:
        return None
    from agent_runtime.eventlog.configured import make_recorder

    return make_recorder(config, config.event_log, environ, store, metrics.registry)


def _verifier(config: BlackboardConfig, key: str) -> Verify:
    place = (config.namespace, config.name)
    if config.issuer is None:
        return signed_grant(key, grant_audience(*place))
    return service_account(key, grant_audience(*place), ProjectedTokens(config.issuer, pod_audience(*place)))
