"""Metrics and a span around each HTTP request, as ASGI middleware."""

from functools import cache
from time import perf_counter

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.telemetry import metrics, traces

OBSERVED_HERE = TelemetryConfig(tracing=False, metrics=False, logs=False)
"""For `FastAPI(telemetry=...)`: it would make spans of its own around and within those of `ObservedHttp`."""
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})


class ObservedHttp:
    """Counts and times requests by their route, not their path, and continues the caller's trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Looking a metric up by its labels costs more than counting; there are few combinations.
        self._metrics = cache(_metrics_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        begin = perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if traces.enabled():
                headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
                name = f"{scope['method']} {scope['path']}"
                with traces.span(name, kind=SpanKind.SERVER, headers=headers) as span:
                    await self._app(scope, receive, noting)
                    span.set_attribute("http.response.status_code", status)
            else:
                with traces.continued(_traceparent(scope)):
                    await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            requests, seconds = self._metrics(route, scope["method"], status)
            requests.inc()
            seconds.observe(perf_counter() - begin)


def _traceparent(scope: Scope) -> str | None:
    found: bytes | None = next((value for key, value in scope["headers"] if key == b"traceparent"), None)
    return None if found is None else found.decode("latin-1")


def _metrics_of(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return metrics.HTTP_REQUESTS.labels(route, method, status), metrics.HTTP_SECONDS.labels(route)
