"""What is wrong with a request, in words for people: each with what is allowed instead."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request

from agent_runtime.api.structure import nearest
from agent_runtime.core.texts import NUL

WITHOUT_NUL = r"^[^\x00]*$"
"""The pattern of texts that stores keep, or look for. Not every store can with NUL."""

_Schema = Mapping[str, Any]
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


def message_of(fault: Mapping[str, Any], request: Request) -> str:
    """One of pydantic's faults."""
    message: str = fault["msg"]
    match fault["type"]:
        case "extra_forbidden":
            return _unknown(str(fault["loc"][-1]), _allowed(request, fault["loc"][:-1]))
        case "string_pattern_mismatch" if fault["ctx"]["pattern"] == WITHOUT_NUL:
            return NUL
        case _:
            return message.removeprefix("Value error, ")


def without_tags(location: Sequence[Any]) -> list[Any]:
    """Where a fault is, as it was sent: a union's tags stand there too, written as `<tag>`."""
    return [part for part in location if not (isinstance(part, str) and part[:1] == "<" and part[-1:] == ">")]


def _unknown(name: str, known: Sequence[str]) -> str:
    near = nearest(name, list(known))
    if near is not None:
        return f'unknown, did you mean "{near}"?'
    return f"unknown, want one of {', '.join(known)}" if known else "unknown, nothing goes in here"


def _allowed(request: Request, location: Sequence[Any]) -> list[str]:
    """The names that may stand at a place, by the description of the API."""
    route = request.scope.get("route")
    app: FastAPI = request.app
    document = app.openapi()
    operation = document["paths"].get(getattr(route, "path", ""), {}).get(request.method.lower(), {})
    place, *inside = without_tags(location)
    if place != "body":
        return [each["name"] for each in operation.get("parameters", []) if each["in"] == place]
    content = operation.get("requestBody", {}).get("content", {})
    found = [each["schema"] for each in content.values()]
    for part in inside:
        found = [below for schema in found for below in _below(schema, part, document)]
    return sorted({name for schema in found for one in _plain(schema, document) for name in _names(one)})


def _below(schema: _Schema, part: str | int, document: _Schema) -> Iterator[_Schema]:
    for one in _plain(schema, document):
        below = one.get("items") if isinstance(part, int) else one.get("properties", {}).get(part)
        if below is not None:
            yield below


def _plain(schema: _Schema, document: _Schema) -> Iterator[_Schema]:
    """The schema, or the ones that it refers to."""
    if "$ref" in schema:
        yield from _plain(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    for alternatives in _ALTERNATIVES:
        for one in schema.get(alternatives, ()):
            yield from _plain(one, document)
    yield schema


def _names(schema: _Schema) -> list[str]:
    return list(schema.get("properties", {}))
