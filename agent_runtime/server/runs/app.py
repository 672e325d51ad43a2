"""The runs server: run stores and the queue of runs behind HTTP, one caller per request."""

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.run_tokens import Caller
from agent_runtime.durable.port import RunStore, Unavailable
from agent_runtime.runs.queue.access import Access, Denied
from agent_runtime.runs.queue.queue import StoredQueue
from agent_runtime.server.http.draining import RefuseWhileDraining
from agent_runtime.server.http.errors import ApiError, error_response, install_errors, trace_id
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.limits import BodyLimit
from agent_runtime.server.http.observed import OBSERVED_HERE, ObservedHttp
from agent_runtime.server.runs.errors import install_store_errors
from agent_runtime.server.runs.metrics import RunsMetrics
from agent_runtime.server.runs.queue import QueueRoutes
from agent_runtime.server.runs.routes import Routes
from agent_runtime.server.runs.store import StoreRoutes
from agent_runtime.telemetry.metrics import exposition

Verify = Callable[[str], Caller]
"""A token -> who bears it. Raises InvalidToken."""

MAX_BODY = 33 * 1024 * 1024
"""Bytes of a request: two of the largest checkpoints, and what goes with them."""

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_log = structlog.get_logger(__name__)


def create_app(store: RunStore, queue: StoredQueue, verify: Verify, *, max_body: int = MAX_BODY) -> FastAPI:
    """The app on a store and a queue that are open. `max_body` in bytes."""
    metrics = RunsMetrics()
    health = Health({"store": lambda: store.cached("covey", "ready"), "queue": queue.store.ping})
    app = FastAPI(title="Covey runs", version="v1", docs_url=None, redoc_url=None, telemetry=OBSERVED_HERE)
    install_errors(app)
    install_store_errors(app)
    _install_denials(app, metrics)
    app.add_middleware(BodyLimit, limit=max_body)
    app.add_middleware(RefuseWhileDraining, draining=lambda: queue.draining)
    app.add_middleware(ObservedHttp)
    access = Access(queue.worked_on_by)
    routes = Routes(app, _bearer(verify))
    StoreRoutes(store, access, metrics).add_to(routes)
    QueueRoutes(queue, access, metrics).add_to(routes)
    app.include_router(health.router)

    async def exposed_metrics(request: Request) -> Response:
        await _show(queue, metrics)
        body, content_type = exposition(metrics.registry)
        return Response(body, media_type=content_type)

    app.add_route("/metrics", exposed_metrics, include_in_schema=False)
    app.state.health = health
    return app


def _bearer(verify: Verify) -> Callable[[Request], Awaitable[Caller]]:
    async def caller(request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "send a token: Authorization: Bearer TOKEN", headers=_CHALLENGE)
        try:
            who = verify(token.strip())
        except InvalidToken as error:
            raise ApiError(401, f"the token is not accepted: {error}", headers=_CHALLENGE) from error
        request.state.caller = who
        return who

    return caller


def _install_denials(app: FastAPI, metrics: RunsMetrics) -> None:
    @app.exception_handler(Denied)
    async def _denied(request: Request, error: Denied) -> JSONResponse:
        caller: Caller = request.state.caller
        metrics.denied(caller)
        _log.warning(
            "denied",
            caller=caller.name,
            role=caller.role,
            method=request.method,
            path=request.url.path,
            reason=str(error),
            trace_id=trace_id(request),
        )
        return error_response(request, 403, str(error), code=error.code)


async def _show(queue: StoredQueue, metrics: RunsMetrics) -> None:
    metrics.waits(queue.waiting)
    try:
        metrics.show(await queue.counts())
    except Unavailable:
        return  # the store is away: show what is known, the counters matter most just then
