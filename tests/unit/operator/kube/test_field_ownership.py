"""Does what we applied still stand? Field sets as a real API server writes them."""

from typing import Any

import orjson
import pytest

from covey_operator.kube.field_ownership import is_applied, owned_fields

DESIRED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "d",
        "namespace": "news",
        "labels": {"a": "b"},
        "ownerReferences": [{"uid": "u1", "kind": "Agent", "name": "x"}],
    },
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "image": "x",
                        "args": ["run"],
                        "ports": [{"containerPort": 8080, "name": "http"}],
                        "resources": {"requests": {"cpu": "1000m"}},
                    }
                ]
            }
        },
    },
}
PORT = 'k:{"containerPort":8080,"protocol":"TCP"}'


def fields() -> dict[str, Any]:
    """As the API server wrote them for DESIRED; the selector and `args` are replaced as one."""
    container: dict[str, Any] = {
        ".": {},
        "f:name": {},
        "f:image": {},
        "f:args": {},
        "f:ports": {PORT: {".": {}, "f:containerPort": {}, "f:name": {}}},
        "f:resources": {"f:requests": {"f:cpu": {}}},
    }
    template = {"f:spec": {"f:containers": {'k:{"name":"c"}': container}}}
    return {
        "f:metadata": {"f:labels": {"f:a": {}}, "f:ownerReferences": {'k:{"uid":"u1"}': {}}},
        "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": template},
    }


def without(*path: str) -> bytes:
    """The fields after somebody else changed one of them. What has become empty is not mentioned."""

    def remaining(node: dict[str, Any], step: str, *steps: str) -> dict[str, Any]:
        below = remaining(node[step], *steps) if steps else {}
        rest = {name: child for name, child in node.items() if name != step}
        return {**rest, step: below} if below else rest

    return orjson.dumps(remaining(fields(), *path))


CONTAINER = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"c"}')


def test_all_fields_are_ours() -> None:
    assert is_applied(DESIRED, orjson.dumps(fields()))


@pytest.mark.parametrize(
    "path",
    [
        ("f:metadata",),
        ("f:metadata", "f:labels", "f:a"),
        ("f:metadata", "f:ownerReferences", 'k:{"uid":"u1"}'),
        ("f:spec", "f:replicas"),
        ("f:spec", "f:selector"),
        (*CONTAINER, "f:image"),
        (*CONTAINER, "f:args"),
        (*CONTAINER, "f:ports", PORT, "f:name"),
        (*CONTAINER, "f:resources", "f:requests", "f:cpu"),
        CONTAINER,
    ],
    ids="/".join,
)
def test_a_field_that_somebody_took_is_missed(path: tuple[str, ...]) -> None:
    assert not is_applied(DESIRED, without(*path))


def test_an_object_without_fields_of_ours_does_not_stand() -> None:
    assert not is_applied(DESIRED, b"{}")


@pytest.mark.parametrize(
    ("entry", "ours"),
    [
        ({"manager": "covey-operator", "operation": "Apply"}, True),
        ({"manager": "covey-operator", "operation": "Update"}, False),
        ({"manager": "covey-operator", "operation": "Apply", "subresource": "scale"}, False),
        ({"manager": "kubectl", "operation": "Apply"}, False),
    ],
)
def test_only_what_our_manager_applied_counts(entry: dict[str, Any], ours: bool) -> None:
    obj = {"metadata": {"managedFields": [{**entry, "fieldsV1": fields()}]}}
    assert (owned_fields(obj) != b"{}") is ours
