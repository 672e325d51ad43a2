"""Answers of providers, bounded while they are read: one that does not end must not fill the memory."""

from collections.abc import AsyncIterator

import httpx2

MOST_BYTES = 32 * 1024 * 1024
"""Of one answer."""


class TooLong(httpx2.ReadError):
    """The answer is longer than any that a model gives."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Sends as its base does; an answer that goes on and on breaks off."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise TooLong(f"the answer has more than {MOST_BYTES // 1024**2} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
