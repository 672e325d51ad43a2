"""Routes: publish artifacts, read them, call an agent directly."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from agent_runtime.blackboard.wire.codec import encode, to_wire
from agent_runtime.server.blackboard.access import Access, pointing
from agent_runtime.server.blackboard.filters import PageFilters
from agent_runtime.server.blackboard.requests import BatchBody, DraftBody, InPath, PublishBody
from agent_runtime.server.blackboard.responses import (
    ArtifactAnswer,
    ArtifactsAnswer,
    InvocationAnswer,
    PageAnswer,
    artifacts_to_wire,
    json_response,
)
from agent_runtime.server.http.errors import ApiError


def add_artifact_routes(routes: APIRouter, access: Access) -> None:
    """Publish, query, read."""

    @routes.post(
        "/artifacts",
        status_code=201,
        summary="Publish",
        responses={201: {"model": ArtifactsAnswer}},
    )
    async def publish(request: Request, body: PublishBody) -> Response:
        """Publish one artifact, or several in one step: all or none. What is answered is durable."""
        board = access.board(request)
        if isinstance(body, BatchBody):
            access.admit(len(body.artifacts))
            with pointing("/artifacts"):
                published = await board.publish([one.draft() for one in body.artifacts])
        else:
            access.admit(1)
            with pointing("", drop="/0"):
                published = await board.publish([body.draft()])
        return json_response(artifacts_to_wire(published), 201)

    @routes.get("/artifacts", summary="Query", responses={200: {"model": PageAnswer}})
    async def query(request: Request, filters: Annotated[PageFilters, Query()]) -> Response:
        """Artifacts that the caller may see, oldest first."""
        page = await access.board(request).query(filters.page())
        return json_response({**artifacts_to_wire(page.artifacts), "cursor": page.cursor})

    @routes.get("/artifacts/{artifact}", summary="Read", responses={200: {"model": ArtifactAnswer}})
    async def read(request: Request, artifact: InPath) -> Response:
        """One artifact. One that the caller may not see is as good as not there."""
        found = await access.board(request).get(artifact)
        if found is None:
            name = access.caller(request).name
            raise ApiError(404, f"there is no artifact {artifact!r} that {name} may see")
        return Response(encode(found), media_type="application/json")

    @routes.post(
        "/agents/{agent}/invocations",
        status_code=201,
        summary="Call an agent",
        responses={201: {"model": InvocationAnswer}},
    )
    async def invoke(request: Request, agent: InPath, body: DraftBody) -> Response:
        """Publish an artifact that sets this agent to work, and no other."""
        access.admit(1)
        caller = access.caller(request)
        with pointing("", drop="/0"):
            delivery, artifact = await access.service(request).invoke(caller, agent, body.draft())
        return json_response({"delivery": delivery, "artifact": to_wire(artifact)}, 201)
