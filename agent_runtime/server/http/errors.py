"""One error body for every server, and never a stack trace in it.

    {"error": {"code": "...", "message": "...", "details": [...], "traceId": "..."}}

`code` is stable for programs, `message` is for people. The trace id is the caller's, when it sent a W3C
`traceparent` header, else a new one; it leads to the log.
"""

import math
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from agent_runtime.blackboard.board import BoardError
from agent_runtime.core.retry_after import bounded
from agent_runtime.server.http.methods import HeadAsGet, allowed
from agent_runtime.server.http.validation_errors import message_of, without_tags

_log = structlog.get_logger(__name__)

_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    431: "head_too_large",
    503: "unavailable",
    504: "deadline_exceeded",
}
_RETRY_LATER = frozenset({429, 503})


class ErrorDetail(BaseModel):
    """One fault: where it is, as a JSON pointer into what was sent, and what is wrong."""

    pointer: str = ""
    message: str


class ErrorContent(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: list[ErrorDetail] = []
    traceId: str  # noqa: N815 - the name on the wire


class ErrorBody(BaseModel):
    """The body of every response that is not a success."""

    error: ErrorContent


class ApiError(Exception):
    """A refusal. Raise it anywhere below a route; `install_errors` turns it into the error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        details: Sequence[dict[str, str]] = (),
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or _CODES.get(status, "error")
        self.details = tuple(details)
        self.retry_after = retry_after
        self.headers = headers or {}


def trace_id(request: Request) -> str:
    """The id under which this request is found in the logs: 32 hex digits."""
    known: str | None = getattr(request.state, "trace_id", None)
    if known is None:
        parts = request.headers.get("traceparent", "").split("-")
        sent = parts[1].lower() if len(parts) >= 4 else ""
        valid = len(sent) == 32 and all(c in "0123456789abcdef" for c in sent) and sent.strip("0")
        known = sent if valid else secrets.token_hex(16)
        request.state.trace_id = known
    return known


def error_response(
    request: Request,
    status: int,
    message: str,
    *,
    code: str | None = None,
    details: Sequence[dict[str, str]] = (),
    retry_after: float | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The error body as a response, with Retry-After (whole seconds, at least 1) on 429 and 503."""
    all_headers = dict(headers or {})
    if status in _RETRY_LATER:
        all_headers["Retry-After"] = str(max(1, math.ceil(bounded(retry_after) or 1)))
    content = error_content(request, status, message, code=code, details=details)
    return JSONResponse(content, status, headers=all_headers)


def error_content(
    request: Request,
    status: int,
    message: str,
    *,
    code: str | None = None,
    details: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    """The error body, for what is no response of its own."""
    return {
        "error": {
            "code": code or _CODES.get(status, "error"),
            "message": message,
            "details": list(details),
            "traceId": trace_id(request),
        }
    }


def install_errors(app: FastAPI) -> None:
    """Make every error of the app leave in the one body, and answer HEAD as GET."""
    app.add_middleware(HeadAsGet)

    @app.exception_handler(ApiError)
    async def _refused(request: Request, error: ApiError) -> JSONResponse:
        return error_response(
            request,
            error.status,
            str(error),
            code=error.code,
            details=error.details,
            retry_after=error.retry_after,
            headers=error.headers,
        )

    @app.exception_handler(BoardError)
    async def _board_refused(request: Request, error: BoardError) -> JSONResponse:
        return error_response(request, error.status, str(error), code=error.code, details=error.details)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase:
            return error_response(request, 404, _no_such_path(request), code="no_such_path")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = allowed(request.app.router.routes, request.scope)
        return error_response(request, error.status_code, str(error.detail), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = error.errors()
        broken = next((fault for fault in faults if fault["type"] == "json_invalid"), None)
        if broken is not None:
            reason = broken.get("ctx", {}).get("error", broken["msg"])
            return error_response(request, 400, f"the body is not JSON: {reason}", code="not_json")
        details = [
            {"pointer": _pointer(fault["loc"]), "message": message_of(fault, request)} for fault in faults
        ]
        first = details[0]
        message = f"{first['pointer'] or 'the body'}: {first['message']}"
        if len(details) > 1:
            message += f" (and {len(details) - 1} more, see details)"
        return error_response(request, 422, message, details=details)

    @app.exception_handler(Exception)
    async def _broken(request: Request, error: Exception) -> JSONResponse:
        _log.error("request failed", path=request.url.path, trace_id=trace_id(request), exc_info=error)
        return error_response(
            request, 500, "internal error; the log has it under the trace id", code="internal"
        )


def _no_such_path(request: Request) -> str:
    path = request.url.path
    shown = path if len(path) <= 200 else f"{path[:197]}..."
    described = request.app.openapi_url
    return f"there is no {shown} here" + (f"; the API is described at {described}" if described else "")


def _pointer(location: Sequence[Any]) -> str:
    """`("body", "artifacts", 0, "type")` as `/artifacts/0/type`; parameters keep where they stand."""
    parts = without_tags(location[1:] if location and location[0] == "body" else location)
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
