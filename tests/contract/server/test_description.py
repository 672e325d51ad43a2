"""The OpenAPI document: complete enough to write a client from."""

from typing import Any

import pytest

from tests.contract.server.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = {
    ("get", "/v1/artifacts"), ("post", "/v1/artifacts"), ("get", "/v1/artifacts/{artifact}"),
    ("post", "/v1/agents/{agent}/invocations"),
    ("get", "/v1/subscriptions"), ("put", "/v1/subscriptions"), ("delete", "/v1/subscriptions"),
    ("delete", "/v1/subscriptions/{agent}"),
    ("post", "/v1/leases"), ("put", "/v1/leases/{lease_id}"), ("post", "/v1/leases/{lease_id}/acknowledge"),
    ("post", "/v1/leases/{lease_id}/fail"), ("post", "/v1/leases/{lease_id}/release"),
    ("get", "/v1/deadletters"), ("get", "/v1/deadletters/{delivery}"),
    ("delete", "/v1/deadletters/{delivery}"), ("post", "/v1/deadletters/{delivery}/replay"),
    ("post", "/v1/deadletters/replay"), ("post", "/v1/deadletters/drop"),
    ("get", "/v1/explain"), ("get", "/v1/stats"), ("get", "/v1/events"),
}  # fmt: skip


async def test_every_route_says_what_it_does_answers_and_refuses(shared_server: Server) -> None:
    document = (await shared_server.call("GET", "/openapi.json")).json()
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == ROUTES
    for route, operation in operations.items():
        assert operation["summary"], route
        assert operation["description"].endswith("."), route
        successes = {status: one for status, one in operation["responses"].items() if status < "300"}
        assert len(successes) == 1, route
        [(status, success)] = successes.items()
        assert status == "204" or described(success), route
        for status in ("400", "401", "403", "404", "408", "409", "413", "415", "422", "429", "503", "504"):
            refusal = operation["responses"][status]["content"]["application/json"]["schema"]
            assert refusal == {"$ref": "#/components/schemas/ErrorBody"}, (route, status)
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def described(success: dict[str, Any]) -> bool:
    """Whether a success has a schema that says something."""
    return all(content["schema"] for content in success["content"].values())


async def test_answers_are_what_it_says(server: Server) -> None:
    """Field by field, for a body with every optional part."""
    schemas = (await server.call("GET", "/openapi.json")).json()["components"]["schemas"]
    body = {"type": "Finding", "payload": {"title": "a"}, "tags": ["x"], "partition": "eu"}
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = await server.call("POST", "/v1/artifacts", json=body, headers=trace)
    [artifact] = answer.json()["artifacts"]
    assert set(artifact) == set(schemas["ArtifactAnswer"]["properties"])
