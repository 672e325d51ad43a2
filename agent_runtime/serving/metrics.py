"""Prometheus: how long requests take, and the endpoint that shows everything in a registry."""

import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class RequestMetrics:
    """Middleware: seconds until a response is complete, by route, method and status."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "covey_http_request_duration_seconds",
            "Seconds until the response was complete.",
            ("method", "route", "status"),
            registry=registry,
            buckets=_BUCKETS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            # the route's template, never the path: ids in it would make a series each
            route = getattr(scope.get("route"), "path", "unmatched")
            self._seconds.labels(scope["method"], route, status).observe(time.perf_counter() - began)


def metrics_router(
    registry: CollectorRegistry, refresh: Callable[[], Awaitable[None]] | None = None
) -> APIRouter:
    """`/metrics` in the text format; `refresh` sets gauges before they are shown."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    async def metrics() -> Response:
        if refresh is not None:
            await refresh()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
