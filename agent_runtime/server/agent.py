"""The agent's HTTP API: chat, sessions, what the agent is; health and metrics."""

from typing import Annotated, Any, Self

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent_runtime.agents.conversation import Step
from agent_runtime.agents.errors import (
    AnswerUnfit,
    Busy,
    SessionBusy,
    SessionExists,
    SessionNotFound,
    WorkError,
    WorkTimeout,
)
from agent_runtime.agents.worker import AgentWorker, Reply
from agent_runtime.models.errors import ModelError, ModelTimeout
from agent_runtime.server.http.auth import Verify, anyone, bearer
from agent_runtime.server.http.authenticated import authenticated
from agent_runtime.server.http.errors import ApiError, ErrorBody, install_errors
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.limits import BodyLimit
from agent_runtime.server.http.observed import OBSERVED_HERE, ObservedHttp
from agent_runtime.telemetry import metrics

MAX_BODY = 1024 * 1024
"""Bytes of a request."""
_RETRY_AFTER = 1.0


SessionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]


class ChatRequest(BaseModel):
    """A message for the agent."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, Field(min_length=1)]
    session: SessionId | None = None
    """The session to go on with; left out: a new one."""
    newSession: SessionId | None = None  # noqa: N815 - the name on the wire
    """The id of the new session; left out: one is made."""

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.session is not None and self.newSession is not None:
            raise ValueError("give session to go on, or newSession to begin, not both")
        return self


class UsageBody(BaseModel):
    """Tokens."""

    inputTokens: int  # noqa: N815 - the name on the wire
    outputTokens: int  # noqa: N815


class StepBody(BaseModel):
    """A tool that the agent called."""

    tool: str
    arguments: Any
    failed: bool


class ChatReply(BaseModel):
    """The agent's answer. `output` is the answer as JSON, when the agent's output has a type."""

    reply: str
    session: str
    output: Any = None
    usage: UsageBody
    steps: list[StepBody]


def create_app(worker: AgentWorker, health: Health, verify: Verify | None) -> FastAPI:
    """The app of one agent. `verify` checks callers' tokens; None: anybody may call."""
    config = worker.config
    app = FastAPI(
        title=f"Covey agent {config.name}",
        description=config.description,
        version="v1",
        docs_url=None,
        redoc_url=None,
        telemetry=OBSERVED_HERE,
    )
    install_errors(app)
    app.add_middleware(BodyLimit, limit=MAX_BODY)
    app.add_middleware(ObservedHttp)
    # On the app itself and first: each router in between costs every message a part of its time.
    app.router.route_class = authenticated(anyone() if verify is None else bearer(verify))

    @app.post(
        "/v1/chat", response_model=ChatReply, responses=_errors(401, 404, 409, 413, 422, 429, 500, 503, 504)
    )
    async def chat(body: ChatRequest) -> Response:
        """Send a message, get the answer."""
        if health.draining:
            raise ApiError(503, "this replica is about to stop: ask again", code="draining", retry_after=1)
        try:
            reply = await worker.chat(body.message, body.session, new_session=body.newSession)
        except (ModelError, WorkError) as error:
            raise refusal(error) from error
        return Response(orjson.dumps(reply_wire(reply)), media_type="application/json")

    @app.get("/v1/sessions/{session}", responses=_errors(401, 404))
    async def session(session: str) -> dict[str, Any]:
        """What was said in a session, as far as it is remembered."""
        found = worker.sessions.get(session)
        if found is None:
            raise refusal(worker.sessions.missing(session))
        return {
            "session": found.id,
            "createdAt": found.created_at,
            "messages": [{"role": said.role, "text": said.text, "at": said.at} for said in found.messages],
        }

    @app.get("/v1/agent", responses=_errors(401))
    async def agent() -> dict[str, Any]:
        """What the agent is."""
        return {
            "name": config.name,
            "namespace": config.namespace,
            "description": config.description,
            "pattern": config.pattern,
            "tools": [{"name": t.name, "description": t.description} for t in worker.tools.specs],
            "output": config.output.name if config.output else None,
        }

    async def exposed_metrics(request: Request) -> Response:
        body, content_type = metrics.exposition()
        return Response(body, headers={"Content-Type": content_type})

    app.add_route("/metrics", exposed_metrics, include_in_schema=False)
    app.include_router(health.router)
    return app


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its documentation."""
    return {status: {"model": ErrorBody} for status in statuses}


def refusal(error: ModelError | WorkError) -> ApiError:
    """The status by who has to act: the caller later, or somebody who changes the agent."""
    match error:
        case Busy():
            status = 429
        case SessionBusy() | SessionExists():
            status = 409
        case SessionNotFound():
            status = 404
        case WorkTimeout() | ModelTimeout():
            status = 504
        case AnswerUnfit():
            status = 500  # asked again it may fit, but has been asked again often enough
        case _:
            status = 503 if error.transient else 500
    retry_after = getattr(error, "retry_after", None) or _RETRY_AFTER
    return ApiError(status, str(error), code=error.code, retry_after=retry_after)


def reply_wire(reply: Reply) -> dict[str, Any]:
    """The answer as it goes over the wire, a `ChatReply`."""
    return {
        "reply": reply.text,
        "session": reply.session,
        "output": reply.output,
        "usage": {"inputTokens": reply.usage.input_tokens, "outputTokens": reply.usage.output_tokens},
        "steps": [_step(step) for step in reply.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {"tool": step.tool, "arguments": step.arguments, "failed": step.failed}
