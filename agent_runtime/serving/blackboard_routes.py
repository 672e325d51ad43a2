"""All routes of a blackboard: on its own server below `/v1`, on the laptop below each board's name."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from fastapi import APIRouter, Request

from agent_runtime.blackboard.board import Identity
from agent_runtime.serving.blackboard_access import Access
from agent_runtime.serving.blackboard_artifacts import add_artifact_routes
from agent_runtime.serving.blackboard_deadletters import add_dead_letter_routes
from agent_runtime.serving.blackboard_insight import add_insight_routes
from agent_runtime.serving.blackboard_leases import add_lease_routes
from agent_runtime.serving.blackboard_stream import HEARTBEAT, add_stream_route
from agent_runtime.serving.blackboard_subscriptions import add_subscription_routes
from agent_runtime.serving.errors import ErrorBody
from agent_runtime.serving.guarded import guarded

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}


def blackboard_routes(
    access: Access,
    caller: Callable[[Request], Awaitable[Identity]],
    *,
    prefix: str = "/v1",
    heartbeat: float = HEARTBEAT,
) -> APIRouter:
    """The routes; nobody gets further whom `caller` does not let in. `heartbeat` of streams, in seconds."""
    tags: list[str | Enum] = ["blackboard"]
    routes = APIRouter(prefix=prefix, route_class=guarded(caller), responses=_ERRORS, tags=tags)
    add_artifact_routes(routes, access)
    add_stream_route(routes, access, caller, heartbeat)
    add_subscription_routes(routes, access)
    add_lease_routes(routes, access)
    add_dead_letter_routes(routes, access)
    add_insight_routes(routes, access)
    return routes
