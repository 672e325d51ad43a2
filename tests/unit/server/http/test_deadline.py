"""A call of a blackboard that gets stuck is answered all the same; one that wants to wait may."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits, Publication
from agent_runtime.server.blackboard.app import create_app
from agent_runtime.server.http.auth import shared_token

SCOUT = Identity("scout", "agent")


class Stuck(MemoryStore):
    """Answers neither who publishes nor who queries."""

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        """Never returns."""
        await asyncio.Event().wait()
        raise AssertionError

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        """Never returns."""
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/artifacts", {"type": "Idea", "payload": {}}, 504),
        ("GET", "/v1/artifacts", None, 504),
        ("POST", "/v1/leases", {"wait": 0.3}, 200),
        ("GET", "/v1/artifacts/7", None, 404),
    ],
    ids=["publish", "query", "one that waits", "one that is answered"],
)
async def test_how_long_a_call_takes(
    method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    registry = TypeRegistry([ArtifactType(name="Idea", schema_={"type": "object"})])
    async with BlackboardService(Stuck(Limits()), registry) as service, asyncio.timeout(60):
        await service.board(SCOUT).subscribe([Consumes(types=["Idea"])])
        app = create_app(service, shared_token("t", SCOUT), deadline=0.2)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
            answer = await client.request(method, path, json=body, headers={"authorization": "Bearer t"})
    assert answer.status_code == status
    if status == 504:
        error = answer.json()["error"]
        assert error["code"] == "deadline_exceeded"
        assert error["message"] == "there is no answer within 0.2 s: it may be done all the same"
