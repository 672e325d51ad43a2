"""Who may see what, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_runtime.api.agent import Visibility
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity
from agent_runtime.blackboard.codec import decode, encode
from agent_runtime.blackboard.visibility import allows

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
    ({}, who(), False),
    ({"public": {}, "private": {"agents": []}}, who(), False),
    ({"private": {"agents": []}}, Identity("boss", "admin"), True),
    ({"after": {"ttl": "365d"}}, Identity("boss", "admin"), True),
]


@pytest.mark.parametrize(("visibility", "identity", "allowed"), CASES, ids=str)
def test_visibility(visibility: dict[str, Any], identity: Identity, allowed: bool) -> None:
    assert allows(artifact(visibility), identity, MADE) is allowed


@pytest.mark.parametrize(("visibility", "identity", "allowed"), CASES, ids=str)
def test_no_answer_changes_on_a_trip_through_json(
    visibility: dict[str, Any], identity: Identity, allowed: bool
) -> None:
    assert allows(decode(encode(artifact(visibility))), identity, MADE) is allowed


def test_a_producer_without_a_tenant_has_no_fellows() -> None:
    assert not allows(artifact({"tenant": {}}, tenant=None), who(tenant=None), MADE)


@pytest.mark.parametrize(
    ("at", "allowed"), [(MADE, False), (MADE + 59 * SECOND, False), (MADE + 60 * SECOND, True)]
)
def test_an_embargo_ends_at_its_second_counted_from_the_artifacts_creation(
    at: datetime, allowed: bool
) -> None:
    assert allows(artifact({"after": {"ttl": "1m"}}), who(), at) is allowed
