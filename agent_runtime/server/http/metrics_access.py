"""A server's `/metrics` asks for a token, where the environment names one."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from agent_runtime.auth.metrics_token import REFUSAL, MetricsToken
from agent_runtime.server.http.errors import error_response

PATH = "/metrics"


class GuardedMetrics:
    """Around an app: everything else passes."""

    def __init__(self, app: ASGIApp, token: MetricsToken) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_refused(scope):
            await self._app(scope, receive, send)
            return
        refusal = error_response(Request(scope), 401, REFUSAL, headers={"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)

    def _is_refused(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["path"].rstrip("/") != PATH:
            return False
        return not self._token.lets_in(Headers(scope=scope).get("authorization", ""))
