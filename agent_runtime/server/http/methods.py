"""What HTTP wants of every server: HEAD wherever GET is, and in a 405 all methods that a path has.

FastAPI answers HEAD on no route of its own, and its 405 names the methods of one route only, while a path
often has several.
"""

import asyncio
from collections.abc import Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class HeadAsGet:
    """Answers HEAD as GET, without the body. A stream is ended where its first part would come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answer = _Head(send)
        serving = asyncio.create_task(self._get({**scope, "method": "GET"}, receive, answer.send))
        endless = asyncio.create_task(answer.endless.wait())
        try:
            await asyncio.wait({serving, endless}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            endless.cancel()
            if not serving.done():
                serving.cancel()
        try:
            await serving
        except asyncio.CancelledError:
            if not answer.endless.is_set():
                raise

    async def _get(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Head:
    """The head of an answer is sent on, what follows is not."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.endless = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        await self._send(message)
        await self._send({"type": "http.response.body", "body": b""})
        if not any(name.lower() == b"content-length" for name, _ in message["headers"]):
            self.endless.set()


def allowed(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """The value of Allow for the path of a request: every method that some route takes there."""
    known = list(routes)

    def takes(method: str) -> bool:
        return any(route.matches({**scope, "method": method})[0] is Match.FULL for route in known)

    found = {method for method in _METHODS if takes(method)}
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(method for method in _METHODS if method in found)
