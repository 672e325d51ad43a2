"""What becomes of a draft, and which drafts are refused."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from agent_runtime.api.agent import Visibility
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import Isolation
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.schema.validation import Validator
from agent_runtime.blackboard.wire.codec import decode, encode

NOW = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
REGISTRY = TypeRegistry([ArtifactType(name="T", schema_={})])
ADMISSION = Validator(REGISTRY, 100, lambda: "new")
SCOUT = Identity("scout", tenant="acme")


def seen(by: dict[str, Any]) -> Visibility:
    return Visibility.model_validate(by)


def admit(*drafts: Draft, causes: tuple[Artifact, ...] = ()) -> list[Artifact]:
    return ADMISSION.admit_all(drafts, SCOUT, NOW, causes)


def test_the_board_adds_what_the_producer_cannot_choose() -> None:
    [made] = admit(Draft(type="T", payload={"a": 1}))
    assert (made.id, made.version, made.producer, made.tenant, made.created_at) == (
        "new",
        1,
        "scout",
        "acme",
        NOW,
    )
    assert (made.correlation, made.depth, made.causes) == ("new", 0, ())


def test_results_continue_the_chain_that_led_to_them() -> None:
    [root] = admit(Draft(type="T", payload={}, id="root", correlation="story"))
    [child] = admit(Draft(type="T", payload={}, id="child"), causes=(root,))
    [grandchild] = admit(Draft(type="T", payload={}), causes=(root, child))
    assert (child.correlation, child.depth, child.causes) == ("story", 1, ("root",))
    assert (grandchild.correlation, grandchild.depth, grandchild.causes) == ("story", 2, ("root", "child"))


def test_what_the_producer_changes_afterwards_does_not_change_the_artifact() -> None:
    payload = {"list": [1]}
    [made] = admit(Draft(type="T", payload=payload))
    payload["list"].append(2)
    assert made.payload == {"list": [1]}


def test_an_artifact_survives_json_to_the_microsecond() -> None:
    [made] = admit(
        Draft(
            type="T",
            payload={"text": "ü\u2028", "n": 2**63, "x": 0.1, "none": None},
            tags=("a", "b"),
            partition="p",
            visibility=Visibility.model_validate({"after": {"ttl": "1h"}}),
        )
    )
    assert decode(encode(made)) == made


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"payload": {"x": (1, 2)}}, "/1/payload/x"),
        ({"payload": {"x": float("nan")}}, "/1/payload/x"),
        ({"payload": {"x": NOW}}, "/1/payload/x"),
        ({"payload": {"x": Decimal(1)}}, "/1/payload/x"),
        ({"payload": {"x": 2**64}}, "/1/payload/x"),
        ({"payload": {"x": {1, 2}}}, "/1/payload/x"),
        ({"payload": {"x": "\ud800"}}, "/1/payload/x"),
        ({"payload": {"x": "a\0b"}}, "/1/payload/x"),
        ({"payload": {"x": [{"~/": "\0"}]}}, "/1/payload/x/0/~0~1"),
        ({"payload": {"x\0": 1}}, "/1/payload/x\ufffd"),
        ({"payload": {"x": "y" * 100}}, "/1/payload"),
        ({"id": ""}, "/1/id"),
        ({"id": "a b"}, "/1/id"),
        ({"id": "x" * 129}, "/1/id"),
        ({"id": "first"}, "/1/id"),
        ({"tags": ("t",) * 65}, "/1/tags"),
        ({"tags": ("ok", "")}, "/1/tags/1"),
        ({"tags": ("ok", "a\0b")}, "/1/tags/1"),
        ({"correlation": "a\0b"}, "/1/correlation"),
        ({"partition": "x" * 257}, "/1/partition"),
        ({"correlation": "x" * 257}, "/1/correlation"),
        ({"correlation": "\ud800"}, "/1/correlation"),
        ({"visibility": Visibility()}, "/1/visibility"),
        ({"visibility": seen({"allOf": [{"public": {}}, {}]})}, "/1/visibility/allOf/1"),
        ({"visibility": seen({"anyOf": [{"public": {}, "tenant": {}}]})}, "/1/visibility/anyOf/0"),
        ({"visibility": seen({"after": {"ttl": "1s", "then": {}}})}, "/1/visibility/after/then"),
        ({"visibility": seen({"after": {"ttl": "99999999d"}})}, "/1/visibility/after/ttl"),
        ({"visibility": seen({"anyOf": [{"after": {"ttl": "36501d"}}]})}, "/1/visibility/anyOf/0/after/ttl"),
        ({"visibility": seen({"tenant": {"tenant": "acme", "any": True}})}, "/1/visibility/tenant"),
    ],
    ids=str,
)
def test_what_cannot_be_stored_as_it_is_is_refused(fields: dict[str, Any], pointer: str) -> None:
    draft = Draft(**({"type": "T", "payload": {}} | fields))
    with pytest.raises(BoardError) as refused:
        admit(Draft(type="T", payload={}, id="first"), draft)
    assert [detail["pointer"] for detail in refused.value.details] == [pointer]


@pytest.mark.parametrize(
    ("visibility", "pointer"),
    [
        ({"tenant": {}}, "/0/visibility/tenant"),
        ({"anyOf": [{"tenant": {}}]}, "/0/visibility/anyOf/0/tenant"),
        ({"after": {"ttl": "1s", "then": {"tenant": {}}}}, "/0/visibility/after/then/tenant"),
    ],
    ids=str,
)
def test_the_own_tenant_must_exist_to_be_meant(visibility: dict[str, Any], pointer: str) -> None:
    draft = Draft(type="T", payload={}, visibility=seen(visibility))
    with pytest.raises(BoardError, match="name a tenant: stray itself belongs to none") as refused:
        ADMISSION.admit_all([draft], Identity("stray"), NOW)
    assert [detail["pointer"] for detail in refused.value.details] == [pointer]


@pytest.mark.parametrize(
    ("isolation", "visibility", "pointer"),
    [
        ("Strict", {"public": {}}, None),
        ("Strict", {"tenant": {}}, None),
        ("Strict", {"tenant": {"tenant": "acme"}}, None),
        ("Strict", {"tenant": {"tenant": "other"}}, "/0/visibility/tenant"),
        ("Strict", {"tenant": {"any": True}}, "/0/visibility/tenant"),
        ("Strict", {"anyOf": [{"tenant": {"tenant": "other"}}]}, "/0/visibility/anyOf/0/tenant"),
        ("Log", {"tenant": {"tenant": "other"}}, None),
        (None, {"tenant": {"tenant": "other"}}, None),
    ],
    ids=str,
)
def test_under_strict_tenancy_nobody_shows_anything_to_another_tenant(
    isolation: Isolation | None, visibility: dict[str, Any], pointer: str | None
) -> None:
    admission = Validator(REGISTRY, 100, lambda: "new", isolation)
    draft = Draft(type="T", payload={}, visibility=seen(visibility))
    if pointer is None:
        assert len(admission.admit_all([draft], SCOUT, NOW)) == 1
        return
    with pytest.raises(BoardError, match="its own tenant only") as refused:
        admission.admit_all([draft], SCOUT, NOW)
    assert (refused.value.code, refused.value.status) == ("foreign_tenant", 403)
    assert [detail["pointer"] for detail in refused.value.details] == [pointer]
