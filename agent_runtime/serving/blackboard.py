"""The blackboard's server: HTTP in front of `BlackboardService`, one identity per request."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError, Identity
from agent_runtime.blackboard.board import Query as BoardQuery
from agent_runtime.blackboard.codec import dumps, encode
from agent_runtime.blackboard.refusals import MAX_BATCH
from agent_runtime.blackboard.service import BlackboardService
from agent_runtime.serving.auth import Verify, bearer, require_role
from agent_runtime.serving.blackboard_metrics import BlackboardMetrics
from agent_runtime.serving.blackboard_wire import (
    AcknowledgeBody,
    ArtifactBody,
    ArtifactsBody,
    BatchBody,
    DeliveriesBody,
    FailBody,
    LeaseBody,
    PublishBody,
    SubscriptionsBody,
    artifacts_to_wire,
    delivery_to_wire,
    letter_to_wire,
)
from agent_runtime.serving.connected import while_connected
from agent_runtime.serving.draining import RefuseWhileDraining
from agent_runtime.serving.errors import ApiError, ErrorBody, install_errors
from agent_runtime.serving.health import Health
from agent_runtime.serving.json_body import StrictJsonRoute
from agent_runtime.serving.limits import BodyLimit
from agent_runtime.telemetry.http import ObservedHttp
from agent_runtime.telemetry.metrics import exposition

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}
_BODY_MARGIN = 8 * 1024 * 1024
"""Bytes of a request beyond two of the largest payloads: batches of ordinary ones fit in."""


def create_app(
    service: BlackboardService,
    verify: Verify,
    *,
    metrics: BlackboardMetrics | None = None,
    max_payload: int = 262_144,
) -> FastAPI:
    """The app for a service that is running; `metrics` is one that observes it."""
    counted = metrics or BlackboardMetrics()
    health = Health({"store": service.store.ping})
    app = FastAPI(title="Covey blackboard", version="v1", docs_url=None, redoc_url=None)
    install_errors(app)
    app.add_middleware(BodyLimit, limit=2 * max_payload + _BODY_MARGIN)
    app.add_middleware(RefuseWhileDraining, draining=lambda: service.draining)
    app.add_middleware(ObservedHttp)
    app.include_router(health.router)

    @app.get("/metrics", include_in_schema=False)
    async def exposed_metrics() -> Response:
        await _show(service, counted)
        body, content_type = exposition(counted.registry)
        return Response(body, media_type=content_type)

    app.include_router(_routes(service, bearer(verify)))
    app.state.health = health
    return app


def _routes(service: BlackboardService, caller: Callable[[Request], Awaitable[Identity]]) -> APIRouter:
    router = APIRouter(prefix="/v1", route_class=StrictJsonRoute, responses=_ERRORS)
    Caller = Annotated[Identity, Depends(caller)]  # noqa: N806 - a type

    @router.post("/artifacts", status_code=201, responses={201: {"model": ArtifactsBody}})
    async def publish(body: PublishBody, identity: Caller) -> Response:
        """Publish one artifact, or several in one step: all or none."""
        board = service.board(identity)
        if isinstance(body, BatchBody):
            with _pointing("/artifacts"):
                published = await board.publish([one.draft() for one in body.artifacts])
        else:
            with _pointing("", drop="/0"):
                published = await board.publish([body.draft()])
        return _json(artifacts_to_wire(published), 201)

    @router.get("/artifacts", responses={200: {"model": ArtifactsBody}})
    async def query(
        identity: Caller,
        type: str | None = None,
        correlation: str | None = None,
        producer: str | None = None,
        tag: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_BATCH)] = 100,
        cursor: str | None = None,
    ) -> Response:
        """Artifacts that the caller may see, oldest first."""
        wanted = BoardQuery(type, correlation, producer, tag, limit, cursor)
        page = await service.board(identity).query(wanted)
        return _json(artifacts_to_wire(page.artifacts) | {"cursor": page.cursor})

    @router.get("/artifacts/{artifact_id}", responses={200: {"model": ArtifactBody}})
    async def get(artifact_id: str, identity: Caller) -> Response:
        """One artifact."""
        artifact = await service.board(identity).get(artifact_id)
        if artifact is None:
            raise ApiError(404, f"there is no artifact {artifact_id!r} that {identity.name} may see")
        return Response(encode(artifact), media_type="application/json")

    @router.put("/subscriptions", status_code=204)
    async def subscribe(body: SubscriptionsBody, identity: Caller) -> None:
        """Say what sets the caller to work, in place of what it said before."""
        with _pointing("/consumes"):
            await service.board(identity).subscribe(body.consumes)

    @router.post("/leases", responses={200: {"model": DeliveriesBody}})
    async def lease(request: Request, body: LeaseBody, identity: Caller) -> Response:
        """Deliveries for the caller, waiting for the first if there is none."""
        leasing = service.board(identity).lease(body.limit, body.wait)
        deliveries = await while_connected(request, leasing) or []
        return _json({"deliveries": [delivery_to_wire(one) for one in deliveries]})

    @router.put("/leases/{lease_id}", status_code=204)
    async def extend(lease_id: str, identity: Caller) -> None:
        """Heartbeat: the lease begins anew."""
        await service.board(identity).extend(lease_id)

    @router.post("/leases/{lease_id}/acknowledge", responses={200: {"model": ArtifactsBody}})
    async def acknowledge(lease_id: str, body: AcknowledgeBody, identity: Caller) -> Response:
        """Publish the results and finish the delivery, in one step."""
        with _pointing("/results"):
            drafts = [one.draft() for one in body.results]
            published = await service.board(identity).acknowledge(lease_id, drafts)
        return _json(artifacts_to_wire(published))

    @router.post("/leases/{lease_id}/fail", status_code=204)
    async def fail(lease_id: str, body: FailBody, identity: Caller) -> None:
        """Give the delivery back."""
        await service.board(identity).fail(lease_id, body.error, retry_in=body.retry_in)

    @router.get("/deadletters")
    async def dead_letters(identity: Caller, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """Deliveries that were given up, newest first. For admins."""
        require_role(identity, "admin")
        letters = await service.dead_letters(limit)
        return _json({"deadLetters": [letter_to_wire(letter) for letter in letters]})

    @router.get("/explain")
    async def explain(identity: Caller, artifact: str, agent: str) -> Response:
        """Which check of each entry of the agent's `consumes` said no to the artifact. For admins."""
        require_role(identity, "admin")
        verdicts = [
            {
                "entry": one.entry,
                "matches": one.refused_by is None,
                "check": one.refused_by,
                "message": one.message,
            }
            for one in await service.explain(artifact, agent)
        ]
        return _json({"subscribed": bool(verdicts), "entries": verdicts})

    @router.get("/stats")
    async def stats(identity: Caller) -> Response:
        """How full the board is. For admins and users."""
        require_role(identity, "admin", "user")
        now = await service.stats()
        return _json(
            {"artifacts": now.artifacts, "deadLetters": now.dead_letters, "pending": dict(now.pending)}
        )

    @router.get("/events", response_class=EventSourceResponse)
    async def events(
        identity: Caller,
        type: str | None = None,
        cursor: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Artifacts that the caller may see, from the cursor on, and on as they are published."""
        wanted = BoardQuery(type=type, cursor=last_event_id or cursor)
        async for at, artifact in service.follow(identity, wanted):
            yield _event(at, artifact)

    return router


def _event(at: str, artifact: Artifact) -> ServerSentEvent:
    return ServerSentEvent(id=at, event="artifact.published", raw_data=encode(artifact).decode())


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(dumps(value), status, media_type="application/json")


@contextmanager
def _pointing(prefix: str, drop: str = "") -> Iterator[None]:
    """Make the pointers of a refusal, which point into the drafts, point into the body."""
    try:
        yield
    except BoardError as error:
        details = [
            {**detail, "pointer": prefix + detail["pointer"].removeprefix(drop)} for detail in error.details
        ]
        raise BoardError(error.code, str(error), status=error.status, details=details) from error


async def _show(service: BlackboardService, metrics: BlackboardMetrics) -> None:
    try:
        metrics.show(await service.stats())
    except BoardError:
        return  # the store is away: show what is known, the counters matter most just then
