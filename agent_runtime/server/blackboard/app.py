"""The blackboard's server: HTTP in front of `BlackboardService`, one identity per request."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.types import Scope

from agent_runtime.api.blackboard import BoardLimits
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.server.blackboard.access import Access, PublishRate
from agent_runtime.server.blackboard.metrics import BlackboardMetrics, WithoutAgents
from agent_runtime.server.blackboard.routes import DEADLINE, blackboard_routes
from agent_runtime.server.blackboard.stream import HEARTBEAT
from agent_runtime.server.http.auth import Verify, bearer
from agent_runtime.server.http.draining import RefuseWhileDraining
from agent_runtime.server.http.errors import install_errors
from agent_runtime.server.http.health import Check, Health
from agent_runtime.server.http.limits import BodyLimit, ConcurrencyLimit, PerCallerLimit
from agent_runtime.server.http.observed import OBSERVED_HERE, ObservedHttp
from agent_runtime.telemetry.metrics import exposition

_BODY_MARGIN = 8 * 1024 * 1024
"""Bytes of a request beyond two of the largest payloads: batches of ordinary ones fit in."""
_BODIES_HELD = 16
"""How many bodies of the largest size all requests together may hold."""
_REQUESTS = 1000
"""Requests under way at once, without those that wait."""
_WAITING = {
    "/v1/events": ("streams", "too_many_streams"),
    "/v1/leases": ("calls for deliveries", "too_many_leases"),
}
"""Where a request may stay open for long without doing much: what it is called, the refusal's code.

Each has its own bound: whoever reads along must not keep agents from their work.
"""
_SMALLEST_SHARE = 16
"""How many of these one caller may have at least."""


def create_app(
    service: BlackboardService,
    verify: Verify,
    *,
    metrics: BlackboardMetrics | None = None,
    limits: BoardLimits | None = None,
    heartbeat: float = HEARTBEAT,
    deadline: float = DEADLINE,
    noted: Mapping[str, Check] | None = None,
) -> FastAPI:
    """The app for a service that is running; `metrics` is one that observes it. `heartbeat` and `deadline` in
    seconds, see `routes`.

    `noted`: dependencies whose state is told, and without which the server does its work all the same.
    """
    counted = metrics or BlackboardMetrics()
    bounds = limits or BoardLimits()
    health = Health({"store": service.store.ping}, noted=noted)
    app = FastAPI(
        title="Covey blackboard", version="v1", docs_url=None, redoc_url=None, telemetry=OBSERVED_HERE
    )
    install_errors(app)
    _bound(app, bounds)
    app.add_middleware(RefuseWhileDraining, draining=lambda: service.draining)
    app.add_middleware(ObservedHttp)
    app.include_router(health.router)

    @app.get("/metrics", include_in_schema=False)
    async def exposed_metrics(request: Request) -> Response:
        whole = not service.strict or await _is_admin(request, verify)
        await _show(service, counted)
        body, content_type = exposition(counted.registry if whole else WithoutAgents(counted.registry))
        return Response(body, media_type=content_type)

    rate = PublishRate(bounds.publish_per_second, counted.rate_limited)
    access = Access(lambda _: service, rate, _shares(bounds))
    # first, and on the app itself: a router in between matches each path three times, and goes the long way
    routes = blackboard_routes(access, bearer(verify), heartbeat=heartbeat, deadline=deadline)
    app.router.routes[:0] = routes.routes
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    app.state.health = health
    return app


def _bound(app: FastAPI, limits: BoardLimits) -> None:
    largest = 2 * limits.max_payload + _BODY_MARGIN
    app.add_middleware(BodyLimit, limit=largest, total=_BODIES_HELD * largest)
    for path, (what, code) in _WAITING.items():
        app.add_middleware(
            ConcurrencyLimit,
            limit=limits.streams,
            counts=_is_at(path),
            status=429,
            code=code,
            message=f"{limits.streams} {what} are open (spec.limits.streams)",
        )
    app.add_middleware(
        ConcurrencyLimit,
        limit=_REQUESTS,
        counts=lambda scope: scope["path"].startswith("/v1/") and scope["path"] not in _WAITING,
        status=503,
        code="overloaded",
        message=f"{_REQUESTS} requests are under way: try again",
    )


def _is_at(path: str) -> Callable[[Scope], bool]:
    return lambda scope: scope["path"] == path


def _shares(limits: BoardLimits) -> dict[str, PerCallerLimit]:
    """By the path of what waits: of each a tenth is one caller's, so that nobody locks out all others."""
    most = max(limits.streams // 10, _SMALLEST_SHARE)
    return {
        path: PerCallerLimit(
            most, code=code, message=f"{most} {what} of this caller are open (spec.limits.streams)"
        )
        for path, (what, code) in _WAITING.items()
    }


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the token of `authenticated` routes, of which FastAPI does not know."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        document["components"]["securitySchemes"] = schemes
        document["security"] = [{"token": []}]
        app.openapi_schema = document
    return app.openapi_schema


async def _is_admin(request: Request, verify: Verify) -> bool:
    """Whether the caller proves to be one. A token is not needed, but one that is brought must be good."""
    return "authorization" in request.headers and (await bearer(verify)(request)).role == "admin"


async def _show(service: BlackboardService, metrics: BlackboardMetrics) -> None:
    try:
        metrics.show(await service.stats())
    except BoardError:
        return  # the store is away: show what is known, the counters matter most just then
