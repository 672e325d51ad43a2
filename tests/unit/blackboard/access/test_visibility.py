"""Who may see what, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_runtime.api.agent import Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import AccessPolicy, foreign_part
from agent_runtime.blackboard.access.visibility import visible_from
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.wire.codec import decode, encode

MADE = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def artifact(visibility: dict[str, Any], tenant: str | None = "acme") -> Artifact:
    return Artifact(
        id="1",
        type="Finding",
        version=1,
        payload={},
        producer="scout",
        correlation="1",
        created_at=MADE,
        visibility=Visibility.model_validate(visibility),
        tenant=tenant,
    )


def who(name: str = "editor", *labels: str, tenant: str | None = None) -> Identity:
    return Identity(name, "agent", frozenset(labels), tenant)


CASES: list[tuple[dict[str, Any], Identity, bool]] = [
    ({"public": {}}, who(), True),
    ({"private": {"agents": ["editor", "writer"]}}, who("writer"), True),
    ({"private": {"agents": ["editor"]}}, who("writer"), False),
    ({"private": {"agents": []}}, who(), False),
    ({"private": {"agents": ["editor"]}}, Identity("editor", "user"), False),
    ({"labelled": {"labels": ["a", "b"]}}, who("x", "a", "b", "c"), True),
    ({"labelled": {"labels": ["a", "b"]}}, who("x", "a"), False),
    ({"labelled": {"labels": []}}, who(), True),
    ({"tenant": {"tenant": "other"}}, who(tenant="other"), True),
    ({"tenant": {"tenant": "other"}}, who(tenant="acme"), False),
    ({"tenant": {}}, who(tenant="acme"), True),
    ({"tenant": {}}, who(tenant="other"), False),
    ({"tenant": {}}, who(tenant=None), False),
    ({"tenant": {"any": True}}, who(tenant="other"), True),
    ({"tenant": {"any": True}}, who(tenant=None), False),
    ({"tenant": {"any": False}}, who(tenant="other"), False),
    ({"tenant": {"any": True, "tenant": "acme"}}, who(tenant="acme"), False),
    ({"allOf": [{"tenant": {}}, {"labelled": {"labels": ["a"]}}]}, who("x", "a", tenant="acme"), True),
    ({"allOf": [{"tenant": {}}, {"labelled": {"labels": ["a"]}}]}, who("x", tenant="acme"), False),
    ({"allOf": [{"tenant": {}}, {"labelled": {"labels": ["a"]}}]}, who("x", "a"), False),
    ({"allOf": [{"public": {}}]}, who(), True),
    ({"allOf": [{"public": {}}, {}]}, who(), False),
    ({"anyOf": [{"tenant": {}}, {"labelled": {"labels": ["a"]}}]}, who("x", "a"), True),
    ({"anyOf": [{"tenant": {}}, {"labelled": {"labels": ["a"]}}]}, who("x", tenant="acme"), True),
    ({"anyOf": [{"tenant": {}}, {"labelled": {"labels": ["a"]}}]}, who("x"), False),
    ({"anyOf": [{}, {"after": {"ttl": "1s"}}]}, who(), False),
    ({"anyOf": [{"after": {"ttl": "1s"}}, {"private": {"agents": ["editor"]}}]}, who(), True),
    ({"public": {}, "anyOf": [{"public": {}}]}, who(), False),
    ({}, who(), False),
    ({"public": {}, "private": {"agents": []}}, who(), False),
    ({"private": {"agents": []}}, Identity("boss", "admin"), True),
    ({"after": {"ttl": "365d"}}, Identity("boss", "admin"), True),
]


@pytest.mark.parametrize(("visibility", "identity", "allowed"), CASES, ids=str)
def test_visibility(visibility: dict[str, Any], identity: Identity, allowed: bool) -> None:
    assert AccessPolicy().allows(artifact(visibility), identity, MADE) is allowed


@pytest.mark.parametrize(("visibility", "identity", "allowed"), CASES, ids=str)
def test_no_answer_changes_on_a_trip_through_json(
    visibility: dict[str, Any], identity: Identity, allowed: bool
) -> None:
    assert AccessPolicy().allows(decode(encode(artifact(visibility))), identity, MADE) is allowed


def test_a_producer_without_a_tenant_has_no_fellows() -> None:
    assert not AccessPolicy().allows(artifact({"tenant": {}}, tenant=None), who(tenant=None), MADE)


LATER = {"after": {"ttl": "1m"}}
MUCH_LATER = {"after": {"ttl": "1h"}}
FOR_ACME_LATER = {"after": {"ttl": "1m", "then": {"tenant": {}}}}


@pytest.mark.parametrize(
    ("visibility", "identity", "seconds"),
    [
        (LATER, who(), 60),
        (FOR_ACME_LATER, who(tenant="acme"), 60),
        (FOR_ACME_LATER, who(), None),
        ({"after": {"ttl": "1m", "then": {}}}, who(), None),
        ({"allOf": [LATER, MUCH_LATER]}, who(), 3600),
        ({"anyOf": [MUCH_LATER, LATER]}, who(), 60),
        ({"anyOf": [MUCH_LATER, FOR_ACME_LATER]}, who(), 3600),
        ({"anyOf": [MUCH_LATER, FOR_ACME_LATER]}, who(tenant="acme"), 60),
        ({"allOf": [LATER, {"private": {"agents": ["writer"]}}]}, who(), None),
        ({"allOf": [LATER, {"private": {"agents": ["editor"]}}]}, who(), 60),
        ({"after": {"ttl": "99999999999999999999d"}}, who(), 36_500 * 86_400),
    ],
    ids=str,
)
def test_an_embargo_ends_at_its_second_counted_from_the_artifacts_creation(
    visibility: dict[str, Any], identity: Identity, seconds: int | None
) -> None:
    of = decode(encode(artifact(visibility)))
    opens = visible_from(of, identity)
    assert opens == (None if seconds is None else MADE + seconds * SECOND)
    if opens is not None:
        assert AccessPolicy().allows(of, identity, opens)
        assert not AccessPolicy().allows(of, identity, opens - timedelta(microseconds=1))


@pytest.mark.parametrize("visibility", [{"public": {}}, {"tenant": {"any": True}}, LATER], ids=str)
@pytest.mark.parametrize(
    ("tenant", "identity", "allowed"),
    [
        ("acme", who(tenant="acme"), True),
        ("acme", who(tenant="other"), False),
        ("acme", who(tenant=None), False),
        ("acme", Identity("boss", "admin"), True),
        ("acme", Identity("somebody", "user"), False),
    ],
    ids=str,
)
def test_strict_tenancy_is_a_fence_whatever_the_visibility(
    visibility: dict[str, Any], tenant: str, identity: Identity, allowed: bool
) -> None:
    assert (
        AccessPolicy("Strict").allows(artifact(visibility, tenant), identity, MADE + 60 * SECOND) is allowed
    )


def test_without_a_tenant_one_is_among_those_without_a_tenant() -> None:
    assert AccessPolicy("Strict").allows(artifact({"public": {}}, None), who(tenant=None), MADE)
    assert not AccessPolicy("Strict").allows(artifact({"public": {}}, None), who(tenant="acme"), MADE)


@pytest.mark.parametrize(
    ("visibility", "foreign"),
    [
        ({"public": {}}, None),
        ({"tenant": {}}, None),
        ({"tenant": {"tenant": "acme"}}, None),
        ({"tenant": {"tenant": "other"}}, "/tenant"),
        ({"tenant": {"any": True}}, "/tenant"),
        ({"after": {"ttl": "1s", "then": {"tenant": {"any": True}}}}, "/after/then/tenant"),
        ({"anyOf": [{"public": {}}, {"tenant": {"tenant": "other"}}]}, "/anyOf/1/tenant"),
        (
            {"allOf": [{"after": {"ttl": "1s", "then": {"tenant": {"any": True}}}}]},
            "/allOf/0/after/then/tenant",
        ),
    ],
    ids=str,
)
def test_naming_another_tenant_is_found_wherever_it_stands(
    visibility: dict[str, Any], foreign: str | None
) -> None:
    assert foreign_part(Visibility.model_validate(visibility), "acme") == foreign
