"""Routes that are handed who calls and checked parameters, and write their answer themselves.

FastAPI's own way through a route, its dependencies and models of answers, costs several times what a commit
costs; what these routes take is described in the OpenAPI document all the same.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from agent_runtime.auth.run_tokens import Caller
from agent_runtime.server.http.errors import ErrorBody

Q = TypeVar("Q", bound=BaseModel)

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 409, 413, 422, 503)
}


@dataclass(frozen=True, slots=True)
class Call(Generic[Q]):
    """One request: who calls, what was asked for, and where the body comes from."""

    caller: Caller
    query: Q
    request: Request


class _Direct(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handle


class Routes:
    """Adds routes to an app, all of which ask first who calls."""

    def __init__(self, app: FastAPI, caller: Callable[[Request], Awaitable[Caller]]) -> None:
        # on the app itself: each router in between costs every message a part of its time
        app.router.route_class = _Direct
        self._app = app
        self._caller = caller

    def add(
        self,
        method: str,
        path: str,
        query: type[Q],
        handle: Callable[[Call[Q]], Awaitable[Response]],
        *,
        body: str = "",
        answer: str = "",
    ) -> None:
        """`handle` answers; its docstring describes the route, `body` and `answer` what is sent."""

        async def endpoint(request: Request) -> Response:
            who = await self._caller(request)
            try:
                checked = query.model_validate(dict(request.query_params))
            except ValidationError as error:
                raise RequestValidationError(_in_query(error)) from error
            return await handle(Call(who, checked, request))

        self._app.add_api_route(
            path,
            endpoint,
            methods=[method],
            name=getattr(handle, "__name__", path),
            description=handle.__doc__,
            response_class=Response,
            response_description=answer or "Done.",
            responses=_ERRORS,
            openapi_extra=_described(query, body),
        )


def _in_query(error: ValidationError) -> list[dict[str, Any]]:
    return [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors(include_url=False)]


def _described(query: type[BaseModel], body: str) -> dict[str, Any]:
    """The parameters, and the body, for the OpenAPI document."""
    schema = query.model_json_schema(by_alias=True)
    required: list[str] = schema.get("required", [])
    properties: Mapping[str, dict[str, Any]] = schema["properties"]
    described: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "query", "required": name in required, "schema": each}
            for name, each in properties.items()
        ]
    }
    if body:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        described["requestBody"] = {"description": body, "content": content}
    return described
