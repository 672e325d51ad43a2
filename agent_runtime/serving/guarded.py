"""Routes that ask who is calling before anything else; the short way, without FastAPI's dependencies.

A dependency costs about as much as the rest of a small route.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response

from agent_runtime.serving.json_body import StrictJsonRoute


def guarded(caller: Callable[[Request], Awaitable[object]]) -> type[StrictJsonRoute]:
    """A route class whose routes await `caller` first; it raises ApiError for whom it does not let in.

    Whom it does let in is `request.state.caller`. No body is read of anybody else.
    """

    class Guarded(StrictJsonRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def checked(request: Request) -> Response:
                request.state.caller = await caller(request)
                return await handle(request)

            return checked

    return Guarded
