"""A stream of a blackboard ends with the token with which it was opened, and says so."""

import json

import httpx2
import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.server.blackboard.app import create_app
from agent_runtime.server.blackboard.callers import signed_grant
from agent_runtime.server.http.auth import Credentials

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"
NOW = 2_000_000_000
ANN = Identity("ann", "user")
TOKEN = mint(KEY, ANN, AUDIENCE, until=NOW + 60)


class Expiring:
    """Lets callers in so many times; then their tokens have expired."""

    def __init__(self, times: int) -> None:
        self._left = times
        self._now = float(NOW)
        self._verify = signed_grant(KEY, AUDIENCE, clock=lambda: self._now)

    def __call__(self, brought: Credentials) -> Identity:
        if self._left == 0:
            self._now = NOW + 3600.0
        self._left -= 1
        return self._verify(brought)


async def stream(verify: Expiring, heartbeat: float) -> list[str]:
    """All of its events, in a board with three artifacts."""
    registry = TypeRegistry([ArtifactType(name="Idea", schema_={"type": "object"})])
    async with BlackboardService(MemoryStore(Limits()), registry) as service:
        await service.board(ANN).publish([Draft(type="Idea", payload={"n": n}) for n in range(3)])
        app = create_app(service, verify, heartbeat=heartbeat)
        transport = httpx2.ASGITransport(app)  # it answers with the whole stream, when that has ended
        async with httpx2.AsyncClient(transport=transport, base_url="http://server", timeout=60) as client:
            answer = await client.get("/v1/events", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return [event for event in answer.text.split("\n\n") if event]


@pytest.mark.parametrize(
    ("times", "shown", "beats"),
    [(3, 2, 0), (6, 3, 2)],
    ids=["before an artifact", "while nothing comes"],
)
async def test_it_ends_when_the_token_has_expired(times: int, shown: int, beats: int) -> None:
    """Of the times, one is for letting the stream begin."""
    *events, last = await stream(Expiring(times), heartbeat=0.01 if beats else 60.0)
    assert [event.split("\n")[1] for event in events[:shown]] == ["event: artifact.published"] * shown
    assert events[shown:] == [": still here"] * beats
    kind, data = last.split("\n")
    error = json.loads(data.removeprefix("data: "))["error"]
    assert (kind, error["code"]) == ("event: error", "unauthenticated")
    assert error["message"] == "the token is not accepted: it expired 59 min ago"
