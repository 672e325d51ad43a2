"""Bounds on what a server takes on at once: no body is buffered past the limit, no number is unlimited."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.serving.errors import error_response


class BodyLimit:
    """Middleware that answers 413 to a request whose body is, or turns out to be, too large.

    All bodies together are bounded too: past that, requests are answered with 503 until others are done.
    """

    def __init__(self, app: ASGIApp, limit: int, total: int | None = None) -> None:
        """In bytes: `limit` of one body, `total` of all that are held at one time; None: no bound."""
        self._app = app
        self._limit = limit
        self._total = total
        self._held = 0
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
            size = len(message.get("body", b""))
            read += size
            self._held += size
            if read > self._limit:
                raise HTTPException(413, self._message)
            if self._total is not None and self._held > self._total:
                raise HTTPException(503, "too many bytes are being sent at once: try again")
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= read


class AtOnce:
    """Middleware that bounds how many requests of some sort are under way; the next ones are refused."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int,
        *,
        counts: Callable[[Scope], bool],
        status: int,
        code: str,
        message: str,
    ) -> None:
        """`counts` says which requests; `status`, `code` and `message` are the refusal."""
        self._app = app
        self._limit = limit
        self._counts = counts
        self._under_way = 0
        self._refusal = (status, message, code)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._counts(scope):
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._limit:
            status, message, code = self._refusal
            await error_response(Request(scope), status, message, code=code)(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1
