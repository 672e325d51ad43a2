"""Whoever is denied a call, at the door or behind it, is told of: in the log, by the metrics, as an event."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint, sign
from agent_runtime.blackboard.access.tenants import Isolation
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import BoardEvent, all_of, log
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.server.blackboard.app import create_app
from agent_runtime.server.blackboard.callers import signed_grant
from agent_runtime.server.blackboard.metrics import BlackboardMetrics

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"
SCOUT = Identity("scout", "agent", tenant="acme")
ANN = Identity("ann", "user", tenant="acme")
ADMIN = Identity("root", "admin")


class Board:
    """A server in this process, and what its observers heard."""

    def __init__(self, service: BlackboardService, metrics: BlackboardMetrics) -> None:
        self.service = service
        self._app = create_app(service, signed_grant(KEY, AUDIENCE), metrics=metrics)

    async def call(self, method: str, path: str, **headers: str) -> httpx2.Response:
        """One request."""
        transport = httpx2.ASGITransport(self._app)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, headers=sent)


@asynccontextmanager
async def board(denied: list[BoardEvent], isolation: Isolation | None = None) -> AsyncIterator[Board]:
    metrics = BlackboardMetrics()

    def hear(event: BoardEvent) -> None:
        if event.kind == "denied":
            denied.append(event)

    registry = TypeRegistry([ArtifactType(name="Idea", schema_={"type": "object"})])
    observer = all_of(metrics.observe, log, hear)
    async with BlackboardService(
        MemoryStore(Limits()), registry, isolation=isolation, observer=observer
    ) as service:
        yield Board(service, metrics)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "send a token: Authorization: Bearer TOKEN"),
        (bearer("nonsense"), "the token is not accepted: Not enough segments"),
        (
            bearer(mint("x" * 64, SCOUT, AUDIENCE)),
            "the token is not accepted: Signature verification failed "
            "(it says that it is of 'agent' 'scout')",
        ),
        (
            bearer(mint(KEY, SCOUT, "blackboard/news/archive")),
            f"the token is not accepted: its audience is blackboard/news/archive, this is {AUDIENCE} "
            "(it says that it is of 'agent' 'scout')",
        ),
        (
            bearer(sign(KEY, "n" * 500, AUDIENCE, {"tenant": 3})),
            f'the token is not accepted: its "tenant" is no string (it says that it is of \'{"n" * 116}...)',
        ),
        (
            bearer(mint(KEY, ANN, AUDIENCE)) | {"covey_grant": mint(KEY, SCOUT, AUDIENCE, account="news:a")},
            "the token is not accepted: the grant (Covey-Grant): the bearer's token beside it is none of a "
            "pod: send the grant as that, alone (it says that it is of 'agent' 'scout')",
        ),
    ],
    ids=["no token", "nonsense", "forged", "for another board", "of another form", "another's grant"],
)
async def test_who_is_not_let_in(headers: dict[str, str], reason: str) -> None:
    denied: list[BoardEvent] = []
    with capture_logs() as logs:
        async with board(denied) as server:
            assert (await server.call("GET", "/v1/deadletters/7", **headers)).status_code == 401
            metrics = (await server.call("GET", "/metrics")).text
    [event] = denied
    assert (event.identity, event.agent) == (None, "")
    assert event.message == f"GET /v1/deadletters/{{delivery}}: {reason}"
    assert 'covey_blackboard_denials_total{agent="",role="unknown"} 1.0' in metrics
    [line] = [one for one in logs if one["event"] == "blackboard: denied"]
    for token in (value.removeprefix("Bearer ") for value in headers.values()):
        assert token == "nonsense" or token.rsplit(".")[-1] not in str(line) + str(event)


@pytest.mark.parametrize(
    ("caller", "method", "path", "route", "wanted"),
    [
        (SCOUT, "GET", "/v1/deadletters", "/v1/deadletters", "admin"),
        (SCOUT, "GET", "/v1/stats", "/v1/stats", "admin or user"),
        (SCOUT, "GET", "/v1/explain?artifact=1&agent=b", "/v1/explain", "admin"),
        (SCOUT, "DELETE", "/v1/subscriptions/editor", "/v1/subscriptions/{agent}", "admin"),
        (ANN, "GET", "/v1/subscriptions", "/v1/subscriptions", "admin or agent"),
        (ANN, "DELETE", "/v1/subscriptions", "/v1/subscriptions", "agent"),
    ],
)
async def test_who_has_not_the_role(
    caller: Identity, method: str, path: str, route: str, wanted: str
) -> None:
    denied: list[BoardEvent] = []
    async with board(denied) as server:
        answer = await server.call(method, path, **bearer(mint(KEY, caller, AUDIENCE)))
        assert answer.status_code == 403
        metrics = (await server.call("GET", "/metrics")).text
    reason = f"{caller.name} has the role '{caller.role}'; this needs {wanted}"
    assert [(event.identity, event.message) for event in denied] == [(caller, f"{method} {route}: {reason}")]
    named = caller.name if caller.role == "agent" else ""
    assert f'covey_blackboard_denials_total{{agent="{named}",role="{caller.role}"}} 1.0' in metrics


async def test_a_flood_is_counted_and_not_logged_line_by_line() -> None:
    denied: list[BoardEvent] = []
    async with board(denied) as server:
        for _ in range(20):
            assert (await server.call("GET", "/v1/artifacts", **bearer("nonsense"))).status_code == 401
    assert sum(event.count for event in denied) == 20
    assert denied[0].count == 1


@pytest.mark.parametrize(
    ("isolation", "caller", "pending"),
    [
        (None, ANN, {"scout": 1}),
        ("Log", ANN, {"scout": 1}),
        ("Strict", ANN, {}),
        ("Strict", Identity("scout", "user"), {}),
        ("Strict", ADMIN, {"scout": 1}),
    ],
)
async def test_whose_inboxes_are_how_full(
    isolation: Isolation | None, caller: Identity, pending: dict[str, Any]
) -> None:
    async with board([], isolation) as server:
        await server.service.board(SCOUT).subscribe([Consumes(types=["Idea"])])
        await server.service.board(ANN).publish([Draft(type="Idea", payload={})])
        answer = (await server.call("GET", "/v1/stats", **bearer(mint(KEY, caller, AUDIENCE)))).json()
        unproven = (await server.call("GET", "/metrics")).text
        metrics = (await server.call("GET", "/metrics", **bearer(mint(KEY, caller, AUDIENCE)))).text
        forged = await server.call("GET", "/metrics", authorization="Bearer x")
    assert (answer["pending"], answer["subscribers"]) == (pending, 1)
    by_agent = 'covey_blackboard_pending_deliveries{agent="scout"} 1.0'
    assert (by_agent in metrics) == bool(pending), "the same rule at both doors"
    assert (by_agent in unproven) == (isolation != "Strict")
    assert ('agent="scout"' in unproven) == (isolation != "Strict")
    assert 'covey_blackboard_pending_deliveries{agent=""} 1.0' in unproven or isolation != "Strict"
    assert forged.status_code == (401 if isolation == "Strict" else 200)
