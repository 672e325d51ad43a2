"""Routes: why something did not run, and how full the board is."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from agent_runtime.server.blackboard.access import Access
from agent_runtime.server.blackboard.responses import (
    ConsumersAnswer,
    ExplanationAnswer,
    StatsAnswer,
    consumers_to_wire,
    explanation_to_wire,
    json_response,
    stats_to_wire,
)
from agent_runtime.server.http.validation_errors import WITHOUT_NUL

Name = Annotated[str, Query(min_length=1, max_length=256, pattern=WITHOUT_NUL)]


def add_insight_routes(routes: APIRouter, access: Access) -> None:
    """Explain, stats."""

    @routes.get(
        "/explain", summary="Explain", responses={200: {"model": ExplanationAnswer | ConsumersAnswer}}
    )
    async def explain(request: Request, artifact: Name, agent: Name | None = None) -> Response:
        """Which check of each entry of the agent's `consumes` said no to the artifact.

        Without `agent`, the same of every subscriber. For admins.
        """
        access.caller(request, "admin")
        if agent is None:
            return json_response(consumers_to_wire(await access.service(request).explain_all(artifact)))
        return json_response(explanation_to_wire(await access.service(request).explain(artifact, agent)))

    @routes.get("/stats", summary="Stats", responses={200: {"model": StatsAnswer}})
    async def stats(request: Request) -> Response:
        """How full the board is. For admins and users; under isolation Strict `pending` is for admins."""
        caller = access.caller(request, "admin", "user")
        return json_response(stats_to_wire(await access.service(request).stats(caller)))
