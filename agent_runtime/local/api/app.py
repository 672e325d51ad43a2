"""The laptop's HTTP API, for the commands and for programs on this machine."""

import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from agent_runtime.agents.errors import WorkError
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.local.api.board_routes import local_board_routes
from agent_runtime.local.api.metrics import exposed
from agent_runtime.local.api.refusals import TellsRefusals
from agent_runtime.local.errors import UserError
from agent_runtime.local.events import Entry
from agent_runtime.local.hosting.board import OWNER
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.models.errors import ModelError
from agent_runtime.server.agent import ChatRequest, refusal, reply_wire
from agent_runtime.server.http.auth import Credentials, Verify, bearer
from agent_runtime.server.http.errors import ApiError, ErrorBody, error_response, install_errors
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.json_body import StrictJsonRoute
from agent_runtime.server.http.limits import BodyLimit
from agent_runtime.server.http.observed import OBSERVED_HERE, ObservedHttp

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a request."""


class Manifests(BaseModel):
    """Manifests to apply, all or none."""

    model_config = ConfigDict(extra="forbid")

    manifests: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]


class GivenAnswer(BaseModel):
    """What a person says to a node that asks. Without a node and visit: to whatever asks now."""

    model_config = ConfigDict(extra="forbid")

    action: Annotated[str, Field(min_length=1, max_length=63)]
    node: str | None = None
    visit: Annotated[int, Field(ge=1)] | None = None
    comment: Annotated[str, Field(max_length=2048)] = ""


class Fork(BaseModel):
    """From which boundary; none: the latest."""

    model_config = ConfigDict(extra="forbid")

    at: Annotated[int, Field(ge=0)] | None = None


class NewRun(BaseModel):
    """A run that is wanted."""

    model_config = ConfigDict(extra="forbid")

    params: dict[str, Any] = Field(default_factory=dict)


def local_app(runtime: LocalRuntime, token: str, health: Health) -> FastAPI:
    """The app. Whoever has `token` may do everything; without it only the health is told."""
    app = FastAPI(
        title="covey up",
        openapi_url="/openapi.json",
        responses={422: {"model": ErrorBody}},
        telemetry=OBSERVED_HERE,
    )
    install_errors(app)

    @app.exception_handler(UserError)
    async def _failed(request: Request, failure: UserError) -> JSONResponse:
        return error_response(request, 507, str(failure), code="not_stored")

    app.add_middleware(BodyLimit, limit=LARGEST_BODY)
    app.add_middleware(TellsRefusals, observer=runtime.feed)
    app.add_middleware(ObservedHttp)
    app.include_router(health.router)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        body, content_type = await exposed(runtime)
        return Response(body, media_type=content_type)

    caller = bearer(_only(token))

    async def refuse_when_draining(request: Request) -> None:
        if health.draining and request.method != "GET":
            raise ApiError(503, "this covey up is about to stop: nothing new is taken", code="draining")

    async def caller_of_a_board(request: Request) -> Identity:
        await refuse_when_draining(request)
        return await caller(request)

    needed = [Depends(caller), Depends(refuse_when_draining)]
    routes = APIRouter(prefix="/v1", route_class=StrictJsonRoute, dependencies=needed)
    _resource_routes(routes, runtime)
    _work_routes(routes, runtime)
    _run_routes(routes, runtime)
    _feed_routes(routes, runtime)
    app.include_router(routes)
    app.include_router(local_board_routes(runtime, caller_of_a_board))
    return app


def _only(token: str) -> Verify:

    def check(brought: Credentials) -> Identity:
        if not secrets.compare_digest(brought.token.encode(), token.encode()):
            raise InvalidToken("it is not that of this covey up; it lies in server.json of the state folder")
        return OWNER

    return check


def _resource_routes(routes: APIRouter, runtime: LocalRuntime) -> None:
    @routes.get("/resources")
    async def resources(kind: str = "") -> dict[str, Any]:
        """All resources, or those of one kind, with their statuses."""
        return {"items": runtime.resources(kind)}

    @routes.get("/resources/{kind}/{name}")
    async def resource(kind: str, name: str) -> dict[str, Any]:
        """One resource with its status."""
        return runtime.resource(kind, name)

    @routes.post("/apply")
    async def apply(body: Manifests) -> dict[str, Any]:
        """Check all manifests; when all are right, take them in."""
        return {"items": await runtime.apply(body.manifests)}

    @routes.delete("/resources/{kind}/{name}")
    async def delete(kind: str, name: str) -> dict[str, Any]:
        """Take back a resource that was applied."""
        await runtime.delete(kind, name)
        return {"kind": kind, "name": name}


def _work_routes(routes: APIRouter, runtime: LocalRuntime) -> None:
    @routes.post("/agents/{name}/chat")
    async def chat(name: str, body: ChatRequest) -> Response:
        """Say something to an agent."""
        hosted = runtime.host.agents.get(name)
        if hosted is None:
            ready = runtime.resource("Agent", name)["status"]["conditions"][-1]
            raise ApiError(503, f'Agent "{name}" is not ready: {ready["message"] or ready["reason"]}')
        try:
            reply = await hosted.worker.chat(body.message, body.session, new_session=body.newSession)
        except (ModelError, WorkError) as error:
            raise refusal(error) from error
        return Response(orjson.dumps(reply_wire(reply)), media_type="application/json")

    @routes.post("/flows/{name}/runs", status_code=201)
    async def start(name: str, body: NewRun) -> dict[str, Any]:
        """Start a run of a Flow; the answer is the FlowRun."""
        runtime.resource("Flow", name)  # one that is not there is told as such
        return runtime.runs.create(name, body.params)


def _run_routes(routes: APIRouter, runtime: LocalRuntime) -> None:
    runs = runtime.runs

    @routes.get("/runs/{name}")
    async def run(name: str, wait: Annotated[float, Query(ge=0, le=60)] = 0) -> dict[str, Any]:
        """A FlowRun; with `wait`, after it changed or that many seconds passed."""
        return await runs.changed(name, wait)

    @routes.get("/runs/{name}/history")
    async def history(name: str) -> dict[str, Any]:
        """The boundaries between its nodes that are kept, oldest first."""
        return {"items": await runs.history(name)}

    @routes.get("/runs/{name}/state")
    async def state(name: str, at: Annotated[int | None, Query(ge=0)] = None) -> dict[str, Any]:
        """What it knew at a boundary; without one, at the latest."""
        return await runs.state(name, at)

    @routes.post("/runs/{name}/answers")
    async def answer(name: str, body: GivenAnswer) -> dict[str, Any]:
        """Answer a node that asks for approval."""
        return runs.answer(name, body.action, node=body.node, visit=body.visit, comment=body.comment)

    @routes.post("/runs/{name}/fork", status_code=201)
    async def fork(name: str, body: Fork) -> dict[str, Any]:
        """A new run that goes on from a boundary of this one."""
        return runs.fork(name, body.at)

    @routes.post("/runs/{name}/suspend")
    async def suspend(name: str) -> dict[str, Any]:
        """Pause it."""
        return runs.suspend(name)

    @routes.post("/runs/{name}/resume")
    async def resume(name: str) -> dict[str, Any]:
        """Take the pause back. A run that failed goes on as a new one, which is the answer."""
        return runs.go_on(name)

    @routes.post("/runs/{name}/cancel")
    async def cancel(name: str) -> dict[str, Any]:
        """Stop it for good."""
        return runs.cancel(name)


def _feed_routes(routes: APIRouter, runtime: LocalRuntime) -> None:
    @routes.get("/events", response_class=EventSourceResponse)
    async def events(request: Request) -> AsyncIterator[ServerSentEvent]:
        """What happens from now on, or after `Last-Event-ID`; all that is remembered, if that is of another
        `covey up`."""
        last = request.headers.get("last-event-id")
        feed = runtime.feed
        async for entry in feed.follow(feed.last if last is None else feed.place_of(last)):
            yield ServerSentEvent(
                raw_data=orjson.dumps(entry.wire()).decode(), event=entry.event.kind, id=feed.id_of(entry)
            )

    @routes.get("/logs")
    async def logs(
        follow: bool = False, tail: Annotated[int, Query(ge=0)] = 200, subject: str = ""
    ) -> StreamingResponse:
        """The last events as lines of JSON; with `follow`, also those to come."""

        def wanted(entry: Entry) -> bool:
            return subject in ("", entry.event.subject)

        async def lines() -> AsyncIterator[bytes]:
            seen = runtime.feed.last
            past = [entry for entry in runtime.feed.after(0) if wanted(entry)]
            for entry in past[len(past) - min(tail, len(past)) :]:
                yield orjson.dumps(entry.wire()) + b"\n"
            if follow:
                async for entry in runtime.feed.follow(seen):
                    if wanted(entry):
                        yield orjson.dumps(entry.wire()) + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")
