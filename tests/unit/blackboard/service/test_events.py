"""What of a board's life goes into the log."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.service.events import BoardEvent, EventEmitter, Kind, all_of, log, nobody
from agent_runtime.server.blackboard.metrics import BlackboardMetrics

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECRET = Artifact(
    id="1",
    type="Finding",
    version=1,
    payload={"secret": "hunter2"},
    producer="scout",
    correlation="1",
    created_at=NOW,
)


def logged(kind: Kind, **fields: Any) -> list[Any]:
    with capture_logs() as entries:
        log(BoardEvent(kind=kind, at=NOW, artifact=SECRET, **fields))
    return list(entries)


@pytest.mark.parametrize(
    "kind", ["denied", "tenancy", "incomplete", "dead", "expired", "predicate_failed", "unreadable"]
)
def test_what_somebody_may_want_to_look_into_is_a_warning(kind: Kind) -> None:
    [entry] = logged(kind)
    assert (entry["event"], entry["log_level"]) == (f"blackboard: {kind}", "warning")


@pytest.mark.parametrize("kind", ["replayed", "dropped", "forgotten", "pruned", "progress"])
def test_what_somebody_wanted_is_noted(kind: Kind) -> None:
    [entry] = logged(kind)
    assert entry["log_level"] == "info"


@pytest.mark.parametrize("kind", ["published", "delivered", "gathered", "leased", "acknowledged"])
def test_the_daily_round_is_not(kind: Kind) -> None:
    assert logged(kind) == []


def test_a_denial_says_who_asked_for_what_and_shows_nothing_of_it() -> None:
    who = Identity("ann", "user", tenant="acme")
    [entry] = logged("denied", identity=who, agent="ann", message="no", count=3)
    assert {key: entry[key] for key in ("agent", "role", "tenant", "artifact", "reason", "count")} == {
        "agent": "ann",
        "role": "user",
        "tenant": "acme",
        "artifact": "1",
        "reason": "no",
        "count": 3,
    }
    assert "hunter2" not in str(entry)


@pytest.mark.parametrize(
    ("kind", "message", "reason"),
    [
        (
            "predicate_failed",
            """expression 'payload[payload.x]' failed: Key not found in map : "hunter2" """,
            "expression 'payload[payload.x]' failed: `covey board explain` says why",
        ),
        (
            "unreadable",
            "Card version 1 cannot be read as version 2: expression 'int(payload.n)' failed: hunter2",
            "Card version 1 cannot be read as version 2: expression 'int(payload.n)' failed: "
            "`covey board explain` says why",
        ),
        ("unreadable", "/n breaks /properties/n/type", "/n breaks /properties/n/type"),
    ],
)
def test_what_an_expression_stumbled_over_is_not_logged(kind: Kind, message: str, reason: str) -> None:
    [entry] = logged(kind, message=message)
    assert entry["reason"] == reason


def test_how_far_the_work_is_counts_for_nothing() -> None:
    metrics = BlackboardMetrics()
    before = generate_latest(metrics.registry)
    metrics.observe(BoardEvent(kind="progress", at=NOW, agent="ann", delivery="1@ann~1", message="page 3"))
    assert generate_latest(metrics.registry) == before


def test_who_asked_gives_the_event_its_name() -> None:
    heard: list[BoardEvent] = []
    tell = EventEmitter(all_of(heard.append, nobody), lambda: NOW)
    tell("denied", identity=Identity("ann"))
    tell("leased", "bob")
    assert [(event.agent, event.count, event.at) for event in heard] == [("ann", 1, NOW), ("bob", 1, NOW)]
