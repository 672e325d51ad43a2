"""A payload that is not JSON is refused with the place of what is wrong, and what to publish there."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.schema.validation import Validator

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ADMISSION = Validator(TypeRegistry([ArtifactType(name="T", schema_={})]), 100_000, lambda: "new")


class Name(str):
    """A text that is not plain."""


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


LOOP: dict[str, Any] = {}
LOOP["a"] = [LOOP]


@pytest.mark.parametrize(
    ("payload", "pointer", "message"),
    [
        (
            {"fine": 1, "a": [0, {"b/c": float("nan")}]},
            "/a/1/b~1c",
            "nan is not JSON; publish None, or text",
        ),
        ({"a": {"b": float("-inf")}}, "/a/b", "-inf is not JSON"),
        ({"a": [2**64]}, "/a/0", "more than 64 bits is not JSON; publish text"),
        ({"a": -(2**63) - 1}, "/a", "more than 64 bits is not JSON; publish text"),
        ({"a": ["\ud800"]}, "/a/0", "lone surrogate"),
        ({"a": {"\ud800": 1}}, "/a", "a key with lone surrogates"),
        ({"a": {1: 2}}, "/a", "the key 1 (int) is not JSON; keys are text"),
        ({"a": (1,)}, "/a", "a tuple is not JSON; publish a list"),
        ({"a": {"b": {1}}}, "/a/b", "a set is not JSON; publish a list"),
        ({"a": NOW}, "/a", "isoformat"),
        ({"a": Decimal(1)}, "/a", "a Decimal is not JSON; publish text"),
        ({"a": b"x"}, "/a", "base64"),
        ({"a": Name("x")}, "/a", "publish plain text"),
        ({"a": object()}, "/a", "a object is not JSON"),
        (nested(3000), "/a" * 8, "at most 250 levels"),
        (LOOP, "/a/0" * 4, "at most 250 levels"),
    ],
)
def test_the_place_and_the_cure_are_named(payload: dict[str, Any], pointer: str, message: str) -> None:
    with pytest.raises(BoardError) as refused:
        ADMISSION.admit_all([Draft(type="T", payload=payload)], Identity("scout"), NOW, ())
    [detail] = refused.value.details
    assert (refused.value.status, detail["pointer"]) == (422, f"/0/payload{pointer}")
    assert message in detail["message"]


@pytest.mark.parametrize("payload", [{"a": 2**64 - 1, "b": -(2**63), "c": 1e308}, nested(200)])
def test_what_json_can_say_is_taken(payload: dict[str, Any]) -> None:
    [made] = ADMISSION.admit_all([Draft(type="T", payload=payload)], Identity("scout"), NOW, ())
    assert made.payload == payload
