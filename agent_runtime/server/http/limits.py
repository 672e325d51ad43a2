"""Bounds on what a server takes on at once: no body is buffered past the limit, no number is unlimited."""

from asyncio import get_running_loop, timeout_at
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.server.http.errors import ApiError, error_response

BODY_SECONDS = 60.0


class BodyLimit:
    """Middleware that answers 413 to a request whose body is, or turns out to be, too large; 408, too slow.

    All bodies together are bounded too: past that, requests are answered with 503 until others are done.
    """

    def __init__(
        self, app: ASGIApp, limit: int, total: int | None = None, seconds: float = BODY_SECONDS
    ) -> None:
        """In bytes: `limit` of one body, `total` of all that are held at one time; None: no bound.

        `seconds`: how long each may take, from the time at which it is asked for.
        """
        self._app = app
        self._limit = limit
        self._total = total
        self._held = 0
        self._seconds = seconds
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
        whole = False
        ends: float | None = None

        async def counted() -> Message:
            nonlocal read, whole, ends
            if whole:
                return await receive()  # how long the caller stays on the line
            if ends is None:
                ends = get_running_loop().time() + self._seconds
            try:
                async with timeout_at(ends):
                    message = await receive()
            except TimeoutError as error:
                late = f"the body did not come within {self._seconds:g} s"
                raise HTTPException(408, late, {"connection": "close"}) from error
            whole = not message.get("more_body", False)
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


class ConcurrencyLimit:
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


class PerCallerLimit:
    """Bounds how many of what a server keeps open at once are one caller's; beyond it, 429."""

    def __init__(self, limit: int, *, code: str, message: str) -> None:
        self._limit = limit
        self._open: Counter[Hashable] = Counter()
        self._refusal = (message, code)

    @contextmanager
    def of(self, caller: Hashable) -> Iterator[None]:
        """One more, until left. Raises ApiError."""
        if self._open[caller] >= self._limit:
            message, code = self._refusal
            raise ApiError(429, message, code=code)
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
