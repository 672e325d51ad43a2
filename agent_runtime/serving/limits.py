"""Bounds on what a server reads: no body is buffered past the limit."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.serving.errors import error_response


class BodyLimit:
    """Middleware that answers 413 to a request whose body is, or turns out to be, too large."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        """`limit` in bytes."""
        self._app = app
        self._limit = limit
        self._message = f"the body is larger than {limit} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await error_response(Request(scope), 413, self._message)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise HTTPException(413, self._message)
            return message

        await self._app(scope, counted, send)
