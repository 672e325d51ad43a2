"""Routes that ask who is calling before anything else, without FastAPI's dependencies.

A dependency costs about as much as the rest of a small route.
"""

from collections.abc import Awaitable, Callable, Coroutine
from math import inf
from typing import Any

from fastapi import Request, Response

from agent_runtime.server.http.deadline import within
from agent_runtime.server.http.fast_route import bind_parameters, fast_path
from agent_runtime.server.http.json_body import StrictJsonRoute


def authenticated(
    caller: Callable[[Request], Awaitable[object]], seconds: Callable[[str], float] = lambda path: inf
) -> type[StrictJsonRoute]:
    """A route class whose routes await `caller` first; it raises ApiError for whom it does not let in.

    Whom it does let in is `request.state.caller`. No body is read of anybody else. Routes on an app itself,
    and not on a router that it includes, take the fast path where they can (`fast_path`).

    `seconds`: how long the endpoint at a path may take, from when the whole request is there.
    """

    class Guarded(StrictJsonRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            endpoint = within(seconds(path), endpoint)
            super().__init__(path, endpoint, **options)
            takes = bind_parameters(endpoint, self.param_convertors)
            if takes is not None:
                self.app = fast_path(endpoint, takes, caller, otherwise=self.app)

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def checked(request: Request) -> Response:
                request.state.caller = await caller(request)
                return await handle(request)

            return checked

    return Guarded
