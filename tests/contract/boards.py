"""What the tests publish, and who does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.schema.registry import TypeRegistry

REGISTRY = TypeRegistry(
    [
        ArtifactType(
            name="Finding",
            schema_={
                "type": "object",
                "properties": {"title": {"type": "string"}, "score": {"type": "integer"}},
                "required": ["title"],
            },
        ),
        ArtifactType(name="Report", schema_={"type": "object"}),
    ]
)
SCOUT = Identity("scout")
WRITER = Identity("writer", labels=frozenset({"desk"}), tenant="acme")
EDITOR = Identity("editor")
ADMIN = Identity("admin", "admin")


on_durable_stores = pytest.mark.parametrize("place", ["sqlite", "redis", "postgres"], indirect=True)
"""For tests of what outlives a connection."""
on_shared_stores = pytest.mark.parametrize("place", ["redis", "postgres"], indirect=True)
"""For tests of several servers on one store."""


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def finding(title: str = "a", **fields: Any) -> Draft:
    """A draft; `score` goes into the payload, everything else into the draft."""
    payload: dict[str, Any] = {"title": title}
    if "score" in fields:
        payload["score"] = fields.pop("score")
    return Draft(type="Finding", payload=payload, **fields)


def report(**fields: Any) -> Draft:
    """A draft of a report."""
    return Draft(type="Report", payload={}, **fields)


def consumes(*types: str, **fields: Any) -> Consumes:
    """An entry of an agent's `consumes`, fields as in the manifest."""
    return Consumes.model_validate({"types": list(types) or ["Finding"], **fields})
