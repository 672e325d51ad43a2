"""All routes of a blackboard: on its own server below `/v1`, on the laptop below each board's name."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from fastapi import APIRouter, Request

from agent_runtime.auth.identity import Identity
from agent_runtime.server.blackboard.access import Access
from agent_runtime.server.blackboard.artifacts import add_artifact_routes
from agent_runtime.server.blackboard.dead_letters import add_dead_letter_routes
from agent_runtime.server.blackboard.explain import add_insight_routes
from agent_runtime.server.blackboard.leases import add_lease_routes
from agent_runtime.server.blackboard.requests import LONGEST_WAIT
from agent_runtime.server.blackboard.stream import HEARTBEAT, add_stream_route
from agent_runtime.server.blackboard.subscriptions import add_subscription_routes
from agent_runtime.server.http.authenticated import authenticated
from agent_runtime.server.http.errors import ErrorBody

DEADLINE = 30.0
"""Seconds. The stores give up earlier, each by itself; this is for what nobody thought of."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503, 504)
}


def blackboard_routes(
    access: Access,
    caller: Callable[[Request], Awaitable[Identity]],
    *,
    prefix: str = "/v1",
    heartbeat: float = HEARTBEAT,
    deadline: float = DEADLINE,
) -> APIRouter:
    """The routes; nobody gets further whom `caller` does not let in. `heartbeat` of streams, in seconds.

    `deadline`: how many seconds a call may take, besides those that its caller wants to wait.
    """
    caller = access.telling(caller)
    tags: list[str | Enum] = ["blackboard"]

    def seconds(path: str) -> float:
        return deadline + (LONGEST_WAIT if path == f"{prefix}/leases" else 0.0)

    route = authenticated(caller, seconds)
    routes = APIRouter(prefix=prefix, route_class=route, responses=_ERRORS, tags=tags)
    # the ones asked most come first: a path is compared with one route after the other
    add_artifact_routes(routes, access)
    add_lease_routes(routes, access)
    add_stream_route(routes, access, caller, heartbeat)
    add_subscription_routes(routes, access)
    add_dead_letter_routes(routes, access)
    add_insight_routes(routes, access)
    return routes
