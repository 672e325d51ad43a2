"""The blackboards of the laptop over HTTP: the routes of a blackboard's own server, below each one's name."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.server.blackboard.access import Access
from agent_runtime.server.blackboard.routes import blackboard_routes
from agent_runtime.server.http.errors import ApiError

PREFIX = "/v1/blackboards/{blackboard}"


def local_board_routes(runtime: LocalRuntime, caller: Callable[[Request], Awaitable[Identity]]) -> APIRouter:
    """For the whole machine's owner, whom `caller` lets in."""

    def service(request: Request) -> BlackboardService:
        name = request.path_params["blackboard"]
        hosted = runtime.host.boards.get(name)
        if hosted is not None:
            return hosted.service
        runtime.resource("Blackboard", name)  # tells that it is not there
        trouble = runtime.host.problems.get(("Blackboard", name), f"see: covey get blackboard {name}")
        raise ApiError(503, f'Blackboard "{name}" is not running: {trouble}')

    return blackboard_routes(Access(service), caller, prefix=PREFIX)
