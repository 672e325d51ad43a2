"""The type registry refuses by name and place."""

from typing import Any

import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.schema.registry import InvalidType, TypeRegistry


def type_of(name: str, schema: dict[str, Any], version: int = 1) -> ArtifactType:
    return ArtifactType(name=name, version=version, schema_=schema)


POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "a/b": {"type": "array", "items": {"type": "string"}}},
    "required": ["x"],
}
REGISTRY = TypeRegistry(
    [type_of("Point", POINT), type_of("Point", {"required": ["z"]}, 2), type_of("Any", {})]
)


@pytest.mark.parametrize(
    ("version", "payload", "checked"),
    [(1, {"x": 1}, 1), (2, {"z": 1}, 2), (None, {"z": 1}, 2)],
)
def test_a_payload_is_checked_by_its_version_or_the_newest(
    version: int | None, payload: dict[str, Any], checked: int
) -> None:
    assert REGISTRY.check("Point", version, payload) == checked


def test_every_fault_is_named_with_its_pointer() -> None:
    with pytest.raises(BoardError) as refused:
        REGISTRY.check("Point", 1, {"x": "one", "a/b": ["ok", 2]})
    assert {detail["pointer"] for detail in refused.value.details} == {"/payload/x", "/payload/a~1b/1"}
    assert (refused.value.code, refused.value.status) == ("invalid_payload", 422)
    assert "type 'Point' version 1" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("Pont", None, "there is no type 'Pont' on this board; it knows Any, Point"),
        ("Point", 3, "type 'Point' has no version 3; it has 1, 2"),
    ],
)
def test_an_unknown_type_is_refused_with_those_that_there_are(
    name: str, version: int | None, message: str
) -> None:
    with pytest.raises(BoardError) as refused:
        REGISTRY.check(name, version, {})
    assert (str(refused.value), refused.value.code) == (message, "unknown_type")


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ([type_of("A", {"type": "nope"})], "the schema of type 'A' is not a JSON Schema"),
        ([type_of("A", {}), type_of("A", {})], "type 'A' version 1 is given twice"),
        ([type_of("A", {"$ref": "http://127.0.0.1:1/x"})], "leaves the schema"),
        ([type_of("A", {"$ref": "file:///etc/hostname"})], "leaves the schema"),
    ],
)
def test_a_type_that_cannot_be_is_refused(types: list[ArtifactType], message: str) -> None:
    with pytest.raises(InvalidType, match=message):
        TypeRegistry(types)
