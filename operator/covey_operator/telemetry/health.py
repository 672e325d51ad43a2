"""Probes and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agent_runtime.auth.metrics_token import REFUSAL, MetricsToken
from covey_operator.telemetry.metrics import Metrics

Fault = Callable[[], str | None]
"""Says what is wrong, or None."""


class HealthServer:
    """Serves while it is entered. A probe answers 503 with the reason in its body."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        *,
        live: Fault,
        ready: Fault,
        token: MetricsToken = MetricsToken(""),  # noqa: B008 - frozen
    ) -> None:
        self._place = (host, port)
        self._metrics = metrics
        self._live = live
        self._ready = ready
        self._token = token
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "HealthServer":
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._answer(self._live)),
                web.get("/readyz", self._answer(self._ready)),
                web.get("/metrics", self._serve_metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._place).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _answer(self, fault: Fault) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            del request
            wrong = fault()
            return web.Response(text=wrong or "ok", status=200 if wrong is None else 503)

        return answer

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        if not self._token.lets_in(request.headers.get("Authorization", "")):
            return web.Response(text=REFUSAL, status=401, headers={"WWW-Authenticate": "Bearer"})
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
