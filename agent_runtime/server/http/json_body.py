"""Bodies of requests, read by `strict_json`: what is no JSON is refused, and what does not say that it is."""

from collections.abc import Callable, Coroutine
from email.message import Message as Headers
from functools import lru_cache
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from agent_runtime.core.strict_json import parse
from agent_runtime.server.http.errors import ApiError


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse(await self.body())


class StrictJsonRoute(APIRoute):
    """For `APIRouter(route_class=...)`: what is no JSON is answered 400, what does not say so 415."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        body = self.body_field

        async def strict(request: Request) -> Response:
            asked = _StrictRequest(request.scope, request.receive)
            if body is not None:
                _check_is_json(await _body_of(asked), asked, required=body.field_info.is_required())
            return await handle(asked)

        return strict


async def _body_of(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise ApiError(400, "the caller hung up before the whole body had come") from error


def _check_is_json(sent: bytes, request: Request, *, required: bool) -> None:
    if sent and not says_json(request.headers.get("content-type", "")):
        raise ApiError(415, "send Content-Type: application/json")
    if not sent and required:
        raise ApiError(400, "the body is not JSON: it is empty", code="not_json")


@lru_cache(64)
def says_json(content_type: str) -> bool:
    """As FastAPI reads the header: there are a handful of values, and reading one costs as much as a body."""
    headers = Headers()
    headers["content-type"] = content_type
    kind = headers.get_content_type()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
