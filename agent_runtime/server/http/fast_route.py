"""The short way through a route that takes at most parts of the path and a JSON body, and writes its answer.

FastAPI's own way costs several times what such a route does. FastAPI still describes these routes, and takes
every request that is not in order, so that there is one voice to say what is wrong with it.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from fastapi import Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.core.strict_json import parse
from agent_runtime.server.http.json_body import says_json

Endpoint = Callable[..., Awaitable[Response]]
"""An endpoint that writes its answer."""

_REQUEST = "request"
_BODY = "body"


@dataclass(frozen=True, slots=True)
class Takes:
    """What an endpoint takes: the request, maybe, and what is read from it."""

    request: bool
    path: Mapping[str, TypeAdapter[Any]]
    body: TypeAdapter[Any] | None
    body_required: bool

    def arguments(self, request: Request, sent: bytes) -> dict[str, Any] | None:
        """For the endpoint; `sent` is the body. None when the request is not in order."""
        found: dict[str, Any] = {_REQUEST: request} if self.request else {}
        try:
            for name, kind in self.path.items():
                found[name] = kind.validate_python(request.path_params[name])
            if self.body is not None and (sent or self.body_required):
                if not says_json(request.headers.get("content-type", "")):
                    return None
                found[_BODY] = self.body.validate_python(parse(sent))
        except (json.JSONDecodeError, ValidationError):
            return None
        return found


def bind_parameters(endpoint: Callable[..., Any], in_path: Mapping[str, object]) -> Takes | None:
    """By the endpoint's annotations: of `request: Request`, of `body`, and of the names that are `in_path`.

    None for an endpoint that takes more, or leaves the writing of its answer to FastAPI.
    """
    hints = get_type_hints(endpoint, include_extras=True)
    answer = hints.pop("return", None)
    asked = hints.pop(_REQUEST, None)
    body = hints.pop(_BODY, None)
    if answer is not Response or asked not in (Request, None) or hints.keys() - in_path.keys():
        return None
    return Takes(
        request=asked is not None,
        path={name: TypeAdapter(hint) for name, hint in hints.items()},
        body=None if body is None else TypeAdapter(body),
        body_required=body is not None
        and inspect.signature(endpoint).parameters[_BODY].default is inspect.Parameter.empty,
    )


def fast_path(
    endpoint: Endpoint, takes: Takes, caller: Callable[[Request], Awaitable[object]], otherwise: ASGIApp
) -> ASGIApp:
    """The route as an app. Asks `caller` first, see `authenticated`; `otherwise` handles bad requests."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        request.state.caller = await caller(request)
        sent = b"" if takes.body is None else await _read(receive)
        arguments = None if sent is None else takes.arguments(request, sent)
        if arguments is None:
            await otherwise(scope, _again(sent, receive), send)
        else:
            response = await endpoint(**arguments)
            await response(scope, receive, send)

    return app


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the caller has hung up."""
    parts = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _again(sent: bytes | None, receive: Receive) -> Receive:
    """As `receive`, with what was read from it once more."""
    messages: list[Message] = [
        {"type": "http.disconnect"} if sent is None else {"type": "http.request", "body": sent}
    ]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
