"""The places where a pod, a Secret, a URL or a function may stand are those that the schemas have."""

import re
from collections.abc import Iterator
from typing import Any

from agent_runtime.api import KINDS
from agent_runtime.api.schema import structural_schema
from covey_operator.policy import uses

_NODES = re.compile(r"^(flowSpec\.)?nodes\[\]\.")


def _places(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _places(inner, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _places(schema["items"], f"{path}[]")


def _all() -> list[tuple[str, dict[str, Any]]]:
    specs = [structural_schema(kind)["properties"]["spec"] for kind in KINDS.values()]
    return [each for spec in specs for each in _places(spec)]


def test_pods() -> None:
    found = {path for path, schema in _all() if "serviceAccountName" in schema.get("properties", {})}
    assert found == set(uses.PODS)


def test_graphs() -> None:
    found = {path for path, schema in _all() if path.endswith("nodes") and "items" in schema}
    assert found == {f"{graph}.nodes".lstrip(".") for graph in uses.GRAPHS}


def test_secrets() -> None:
    found = {path.removesuffix(".secretKeyRef") for path, _ in _all() if path.endswith(".secretKeyRef")}
    in_nodes = {_NODES.sub("", path) for path in found if _NODES.match(path)}
    assert in_nodes == {"http.headersFrom[]"}
    assert {path for path in found if not _NODES.match(path)} == set(uses.KEYS)


def test_urls() -> None:
    named = re.compile(r"(^|\.)(url|baseURL|baseUrl|host|endpoint|address|brokers|repository)$")
    found = {path for path, _ in _all() if named.search(path)}
    assert {_NODES.sub("", path) for path in found if _NODES.match(path)} == {"http.url"}
    assert {path for path in found if not _NODES.match(path)} == set(uses.URLS)


def test_functions() -> None:
    found = {path for path, _ in _all() if path.endswith(".function")}
    assert {_NODES.sub("", path) for path in found} == {"python.function"}
