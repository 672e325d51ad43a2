"""Route: artifacts as server-sent events, as they are published.

Each event has the cursor as its id, so that a client that comes back with `Last-Event-ID`, as browsers do by
themselves, goes on where it was. A comment now and then keeps proxies from hanging up. When the store goes
away, or the caller's token expires, the stream ends with an event `error`, whose data is the one error body.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.wire import cursor
from agent_runtime.blackboard.wire.codec import dumps, encode
from agent_runtime.server.blackboard.access import Access
from agent_runtime.server.blackboard.filters import Filters
from agent_runtime.server.http.errors import ApiError, error_content

HEARTBEAT = 15.0
"""Seconds."""
_PAGE = 100
_STILL_HERE = b": still here\n\n"


class EventStream(StreamingResponse):
    """`text/event-stream`, which nothing in between may buffer."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], held: ExitStack) -> None:
        """`held` is left when the stream has ended."""
        super().__init__(events, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


def add_stream_route(
    routes: APIRouter,
    access: Access,
    caller: Callable[[Request], Awaitable[object]],
    heartbeat: float = HEARTBEAT,
) -> None:
    """The stream; `heartbeat` in seconds between two signs of life.

    Before each event and sign of life `caller` is asked anew, who raises ApiError when a token has expired.
    """

    @routes.get(
        "/events",
        summary="Stream",
        response_class=Response,  # one without a media type: errors are JSON
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def events(
        request: Request,
        filters: Annotated[Filters, Query()],
        last_event_id: Annotated[str | None, Header(max_length=128)] = None,
    ) -> EventStream:
        """Artifacts that the caller may see, from the cursor on, and on as they are published.

        Each is an event `artifact.published` with the artifact as its data.
        """
        wanted = filters.query(_PAGE, last_event_id)
        cursor.parse(wanted.cursor)  # told now, and not when the stream has begun
        following = access.service(request).follow(access.caller(request), wanted)
        held = ExitStack()
        held.enter_context(access.waiting(request))
        return EventStream(_told(request, following, lambda: caller(request), heartbeat), held)


async def _told(
    request: Request,
    following: AsyncIterator[tuple[str, Artifact]],
    let_in: Callable[[], Awaitable[object]],
    heartbeat: float,
) -> AsyncIterator[bytes]:
    try:
        async with aclosing(with_heartbeat(following, heartbeat)) as found:
            async for one in found:
                await let_in()
                yield _STILL_HERE if one is None else _event(*one)
    except (BoardError, ApiError) as error:
        content = error_content(request, error.status, str(error), code=error.code)
        yield b"event: error\ndata: " + dumps(content) + b"\n\n"


async def with_heartbeat(
    items: AsyncIterator[tuple[str, Artifact]], heartbeat: float
) -> AsyncGenerator[tuple[str, Artifact] | None, None]:
    """The items, and None whenever none has come for `heartbeat` seconds."""
    coming: asyncio.Task[tuple[str, Artifact]] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(items))
            done, _ = await asyncio.wait({coming}, timeout=heartbeat)
            if not done:
                yield None
                continue
            try:
                item = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield item
    finally:
        if coming is not None:
            coming.cancel()


async def _next(items: AsyncIterator[tuple[str, Artifact]]) -> tuple[str, Artifact]:
    return await anext(items)


def _event(at: str, artifact: Artifact) -> bytes:
    return b"id: %b\nevent: artifact.published\ndata: %b\n\n" % (at.encode(), encode(artifact))
