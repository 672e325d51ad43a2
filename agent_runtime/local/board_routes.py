"""The blackboards of the laptop over HTTP, in the form that a blackboard's own server has."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from agent_runtime.blackboard.board import Query as Filters
from agent_runtime.blackboard.codec import dumps, to_wire
from agent_runtime.blackboard.local_board import LocalBoard
from agent_runtime.local.hosted_board import OWNER
from agent_runtime.local.laptop import Laptop
from agent_runtime.serving.blackboard_wire import BatchBody, PublishBody, artifacts_to_wire
from agent_runtime.serving.errors import ApiError


def add_board_routes(routes: APIRouter, laptop: Laptop) -> None:
    """Publish, query, read."""

    def board(name: str) -> LocalBoard:
        hosted = laptop.host.boards.get(name)
        if hosted is not None:
            return hosted.board(OWNER)
        laptop.resource("Blackboard", name)  # tells that it is not there
        trouble = laptop.host.troubles.get(("Blackboard", name), f"see: covey get blackboard {name}")
        raise ApiError(503, f'Blackboard "{name}" is not running: {trouble}')

    @routes.post("/blackboards/{name}/artifacts", status_code=201)
    async def publish(name: str, body: PublishBody) -> Response:
        """Publish one artifact or several."""
        drafts = body.artifacts if isinstance(body, BatchBody) else [body]
        published = await board(name).publish([draft.draft() for draft in drafts])
        return _json(artifacts_to_wire(published), 201)

    @routes.get("/blackboards/{name}/artifacts")
    async def query(
        name: str,
        type: str | None = None,
        correlation: str | None = None,
        producer: str | None = None,
        tag: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: str | None = None,
    ) -> Response:
        """Artifacts, oldest first."""
        page = await board(name).query(Filters(type, correlation, producer, tag, limit, cursor))
        return _json({**artifacts_to_wire(page.artifacts), "cursor": page.cursor})

    @routes.get("/blackboards/{name}/artifacts/{artifact}")
    async def read(name: str, artifact: str) -> Response:
        """One artifact."""
        found = await board(name).get(artifact)
        if found is None:
            raise ApiError(404, f"there is no artifact {artifact!r} on {name}")
        return _json(to_wire(found))


def _json(value: object, status: int = 200) -> Response:
    return Response(dumps(value), status, media_type="application/json")
