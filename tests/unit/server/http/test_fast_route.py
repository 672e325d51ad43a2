"""The short way answers as FastAPI's own does: the same routes on an app itself, and below a router."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel

from agent_runtime.server.http.authenticated import authenticated
from agent_runtime.server.http.errors import ApiError, install_errors
from agent_runtime.server.http.fast_route import bind_parameters

JSON = {"content-type": "application/json"}


class Item(BaseModel):
    """What is sent."""

    name: str
    parts: list[int] = []


async def caller(request: Request) -> str:
    """Let everybody in but those who say that they are nobody."""
    if request.headers.get("x-name") == "nobody":
        raise ApiError(401, "who are you?")
    return "ann"


def add_routes(routes: APIRouter) -> None:
    """One of each sort that can take the fast path."""

    @routes.post("/boxes/{box}", status_code=201)
    async def put(request: Request, box: Annotated[int, Path(ge=1)], body: Item) -> Response:
        return Response(f"{request.state.caller} {box} {body!r}", 201)

    @routes.put("/boxes/{box}")
    async def touch(box: str, body: Item | None = None) -> Response:
        return Response(f"{box} {body!r}")

    @routes.delete("/boxes/{box}", status_code=204)
    async def drop(box: str) -> Response:
        if box == "none":
            raise ApiError(404, "there is no such box")
        return Response(status_code=204)


def app_with(*, included: bool) -> FastAPI:
    """The routes below a router, or on the app itself."""
    app = FastAPI()
    install_errors(app)
    routes = APIRouter(route_class=authenticated(caller))
    add_routes(routes)
    if included:
        app.include_router(routes)
    else:
        app.router.routes[:0] = routes.routes
    return app


@pytest.fixture
async def ways() -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """Clients of the fast path and of FastAPI's own."""
    short, whole = (
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app_with(included=included)), base_url="http://server"
        )
        for included in (False, True)
    )
    async with short, whole:
        yield short, whole


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/boxes/3", JSON, b'{"name": "a", "parts": [1, 2]}', 201),
        ("POST", "/boxes/3", {"content-type": "application/json; charset=utf-8"}, b'{"name": "a"}', 201),
        ("POST", "/boxes/3", {"content-type": "application/merge-patch+json"}, b'{"name": "a"}', 201),
        ("POST", "/boxes/3", {"content-type": "text/plain"}, b'{"name": "a"}', 415),
        ("POST", "/boxes/3", {}, b'{"name": "a"}', 415),
        ("POST", "/boxes/3", JSON, b"", 400),
        ("POST", "/boxes/3", JSON, b"null", 422),
        ("POST", "/boxes/3", JSON, b'{"name": 1, "parts": ["x"]}', 422),
        ("POST", "/boxes/3", JSON, b'{"name": ', 400),
        ("POST", "/boxes/3", JSON, b'{"name": NaN}', 400),
        ("POST", "/boxes/0", JSON, b'{"name": "a"}', 422),
        ("POST", "/boxes/x", JSON, b'{"parts": 1}', 422),
        ("POST", "/boxes/3", JSON | {"x-name": "nobody"}, b"{", 401),
        ("PUT", "/boxes/3", {}, b"", 200),
        ("PUT", "/boxes/3", JSON, b"null", 200),
        ("PUT", "/boxes/3", JSON, b'{"name": "a"}', 200),
        ("PUT", "/boxes/3", JSON, b"{}", 422),
        ("DELETE", "/boxes/3", {}, b"", 204),
        ("DELETE", "/boxes/none", {}, b"", 404),
        ("PATCH", "/boxes/3", {}, b"", 405),
    ],
)
async def test_both_ways_answer_alike(
    ways: tuple[httpx2.AsyncClient, httpx2.AsyncClient],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
) -> None:
    trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    short, whole = [
        await client.request(method, path, headers=headers | trace, content=body) for client in ways
    ]
    assert short.status_code == status
    assert (short.status_code, short.headers, short.content) == (
        whole.status_code,
        whole.headers,
        whole.content,
    )


async def put(request: Request, box: str, body: Item) -> Response:
    raise NotImplementedError


async def touch(box: str) -> Response:
    raise NotImplementedError


async def search(box: str, limit: Annotated[int, Query()]) -> Response:
    raise NotImplementedError


async def left_to_fastapi(box: str) -> dict[str, str]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("endpoint", "short"), [(put, True), (touch, True), (search, False), (left_to_fastapi, False)]
)
def test_who_takes_the_fast_path(endpoint: Callable[..., Any], short: bool) -> None:
    assert (bind_parameters(endpoint, {"box": str}) is not None) == short
