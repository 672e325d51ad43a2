"""Tells of calls that were refused because of who calls or how much: 401, 403 and 429."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.telemetry.events import Event, Observer

_WHAT = {401: "was denied, it has no valid token", 403: "was denied", 429: "was throttled"}
_SECONDS = 1.0
"""At most one event in this time for each path and status: whoever calls fast must not fill the log."""
_MOST = 1000


class TellsRefusals:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, observer: Observer, clock: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._observer = observer
        self._clock = clock
        self._told: dict[tuple[str, int], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _WHAT:
                self._tell(scope, message["status"])
            await send(message)

        await self._app(scope, receive, noting if scope["type"] == "http" else send)

    def _tell(self, scope: Scope, status: int) -> None:
        # of boards the board itself tells who was denied
        if status != 429 and scope["path"].startswith("/v1/blackboards/"):
            return
        now, key = self._clock(), (scope["path"], status)
        if now - self._told.get(key, -_SECONDS) < _SECONDS:
            return
        if len(self._told) >= _MOST:
            self._told.clear()
        self._told[key] = now
        what = f"{scope['method']} {scope['path']} {_WHAT[status]} ({status})"
        data = {"what": "refused", "status": status, "path": scope["path"]}
        self._observer(Event(datetime.now(UTC), "process.warning", "covey up", what, data))
