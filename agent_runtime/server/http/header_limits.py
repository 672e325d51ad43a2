"""Connections that cost something before anybody said who is calling: bounds on the heads of requests.

uvicorn has none with httptools: it keeps a header of any length, and waits for the rest of a head for ever.
"""

import asyncio

from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from agent_runtime.server.http.errors import error_response

LARGEST_HEAD = 64 * 1024
"""Bytes of a request's line and headers; and of what trails a body in chunks. A read may go past it once."""
HEAD_SECONDS = 10.0
"""From the connection, or from the first byte after an answer, to the end of a request's head."""


def bounded_heads(largest: int = LARGEST_HEAD, seconds: float = HEAD_SECONDS) -> type[HttpToolsProtocol]:
    """The protocol for `uvicorn.Config(http=...)`: too large a head is answered 431, too slow a one 408."""

    class BoundedHeads(HttpToolsProtocol):
        _led_nowhere = 0
        """Bytes since the last head or part of a body that was whole."""
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._deadline = self.loop.call_later(seconds, self._too_slow)

        def data_received(self, data: bytes) -> None:
            self._led_nowhere += len(data)
            super().data_received(data)
            if self._led_nowhere > largest:
                self._refuse(431, f"the head is larger than {largest} bytes")
            if self._answers():
                self._stop_waiting()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(seconds, self._too_slow)

        def on_headers_complete(self) -> None:
            self._led_nowhere = 0
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._led_nowhere = 0
            super().on_body(body)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _answers(self) -> bool:
            """Whether a request is under way, which has bounds of its own."""
            return self.cycle is not None and not self.cycle.response_complete

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _too_slow(self) -> None:
            self._deadline = None
            self._refuse(408, f"the head did not come within {seconds:g} s")

        def _refuse(self, status: int, message: str) -> None:
            """Hang up; whoever has begun a request, and waits for no other answer, is told why."""
            if self._led_nowhere and not self._answers() and not self.transport.is_closing():
                self.transport.write(_refusal(status, message))
            self.transport.close()

    return BoundedHeads


def _refusal(status: int, message: str) -> bytes:
    """The one error body, and its head."""
    nobody = Request({"type": "http", "headers": []})
    response = error_response(nobody, status, message, headers={"connection": "close"})
    head = b"".join(b"%b: %b\r\n" % field for field in response.raw_headers)
    return STATUS_LINE[status] + head + b"\r\n" + response.body
