"""What a server says while it drains."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from agent_runtime.server.http.errors import error_response


class RefuseWhileDraining:
    """Middleware that answers 503 to every call while the server drains; health and metrics still answer."""

    def __init__(self, app: ASGIApp, draining: Callable[[], bool]) -> None:
        self._app = app
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._draining() and scope["path"].startswith("/v1/"):
            message = "draining: this server is about to stop, ask another or try again"
            response = error_response(Request(scope), 503, message, code="draining")
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)
