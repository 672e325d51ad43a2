"""Wrong values for every parameter and every body of every operation of the OpenAPI document.

Whatever is sent: no 500, and every refusal in the one shape.
"""

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.boards import ADMIN, EDITOR, consumes
from tests.contract.server.serving import Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]
STRANGE: tuple[Any, ...] = (
    None, True, -1, 10**18, 1.5, "", "\0", "x" * 5000, "\U0001f41d' OR 1=1 --", "../..", "a@b~1",
    [], [None], {}, {"": None},
)  # fmt: skip
STRANGE_TEXTS = tuple(value for value in STRANGE if isinstance(value, str) and value)
DEEP = 3
"""How far into a body wrong values are put."""


def resolved(schema: Json, document: Json) -> Json:
    """The schema that a reference names."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def right(schema: Json, document: Json, depth: int = 0) -> Any:
    """A small value that fits, as far as the schema says."""
    schema = resolved(schema, document)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return right(schema[choice][0], document, depth)
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", []) if depth else schema.get("properties", {})
            return {name: right(schema["properties"][name], document, depth + 1) for name in wanted}
        case "array":
            return [right(schema["items"], document, depth + 1)] if schema.get("minItems") else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
    return "30s" if "pattern" in schema and "ms" in schema["pattern"] else "Finding"


def wrong(schema: Json, document: Json, depth: int = 0) -> Iterator[Any]:
    """Values with a fault: at the top, then one in each place below."""
    yield from STRANGE if depth < DEEP else STRANGE[::3]
    schema = resolved(schema, document)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from itertools.islice(wrong(choice, document, depth), len(STRANGE), None)
    if depth == DEEP:
        return
    if schema.get("type") == "object":
        fine = right(schema, document)
        for name, part in schema.get("properties", {}).items():
            for value in wrong(part, document, depth + 1):
                yield fine | {name: value}
    elif schema.get("type") == "array":
        for value in wrong(schema["items"], document, depth + 1):
            yield [value]


def paths(path: str, parameters: list[Json], document: Json) -> Iterator[str]:
    """The path with strange texts in it, and with strange values of its parameters, one at a time."""
    named = [one["name"] for one in parameters if one["in"] == "path"]
    fine = path.format(**dict.fromkeys(named, "1@editor"))
    yield fine
    for name, text in itertools.product(named, STRANGE_TEXTS):
        values = dict.fromkeys(named, "1@editor") | {name: quote(text, safe="")}
        yield path.format(**values)
    queries = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
    required = {one["name"]: "1" for one in parameters if one["in"] == "query" and one["required"]}
    for name, value in itertools.product(queries, STRANGE):
        given = required | {name: value if isinstance(value, str) else repr(value)}
        yield fine + "?" + "&".join(f"{key}={quote(str(each), safe='')}" for key, each in given.items())


async def test_nothing_that_is_sent_breaks_the_server(server: Server) -> None:
    document = (await server.call("GET", "/openapi.json")).json()
    async with server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
    sent = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path == "/v1/events":
                continue  # it ends only when it is refused: see below
            identity = EDITOR if path.startswith("/v1/leases") or method == "put" else ADMIN
            for url in paths(path, operation.get("parameters", []), document):
                answer = await server.call(method.upper(), url, identity, json={})
                assert answer.status_code < 500, (method, url, answer.text)
                sent += 1
                if answer.is_error:
                    error_of(answer)
            if "requestBody" not in operation:
                continue
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            url = path.format(agent="editor", lease_id="1@editor~1", delivery="1@editor")
            for body in wrong(schema, document):
                answer = await server.call(method.upper(), url, identity, json=body)
                assert answer.status_code < 500, (method, url, body, answer.text)
                sent += 1
                if answer.is_error:
                    error_of(answer)
    assert sent > 1000


async def test_nor_what_is_asked_of_the_stream(shared_server: Server) -> None:
    for name, value in itertools.product(("since", "until", "cursor", "limit", "colour"), STRANGE_TEXTS):
        answer = await shared_server.call("GET", f"/v1/events?{name}={quote(value, safe='')}")
        assert error_of(answer)[0] == 422, (name, value)
