"""Records of an event log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.joins import BATCH, JoinSpec
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.stores.records import DeadLetter, DeliveryPlan
from agent_runtime.eventlog.records import (
    CorruptRecord,
    artifact_record,
    event_record,
    omission_record,
    read_artifact,
    read_event,
)
from tests.contract.boards import consumes

NOON = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
ARTIFACT = Artifact(
    id="a1",
    type="Finding",
    version=2,
    payload={"title": "ü", "score": 1.5},
    producer="scout",
    correlation="c",
    created_at=NOON,
    tags=("x",),
    tenant="acme",
    depth=1,
    causes=("a0",),
)
BATCHED = JoinSpec("e.b", 0, (3,), BATCH, timedelta(seconds=1), "Deliver")
JOINED = JoinSpec("e.k", 1, (1, 2), ("Draft", "Review"), timedelta(microseconds=1500001), "Drop", BATCHED)
EVENTS = [
    BoardEvent(kind="acknowledged", at=NOON, agent="editor", delivery="a1@editor~1"),
    BoardEvent(
        kind="published",
        at=NOON,
        artifact=ARTIFACT,
        planned=(
            DeliveryPlan("a1@editor", "editor", ("a1",), 5, NOON),
            DeliveryPlan("a1+e@x", "x", ("a1",), 0, NOON, JOINED),
        ),
    ),
    BoardEvent(
        kind="subscribed",
        at=NOON,
        identity=Identity("editor", labels=frozenset({"desk"}), tenant="acme"),
        consumes=(consumes("Draft", "Review", join={"by": "payload.id", "window": "5m"}, priority=2),),
    ),
    BoardEvent(kind="dead", at=NOON, letter=DeadLetter("a1@e", "e", ("a1", "a2"), 3, "it broke", NOON)),
    BoardEvent(kind="leased", at=NOON, delivery="a1+e@x~2", names=("a1", "a2", "a3"), sets=(1, 2)),
    BoardEvent(kind="progress", at=NOON, agent="e", delivery="a1@e~1", message="page 3 of 10"),
    BoardEvent(kind="denied", at=NOON, identity=Identity("eve", "user"), count=7, message="no"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_is_read_as_it_was_told(event: BoardEvent) -> None:
    read = read_event(event_record(event, "server", 7))
    assert (read.instance, read.seq, read.artifact) == (
        "server",
        7,
        event.artifact.id if event.artifact else "",
    )
    for name in ("kind", "at", "agent", "identity", "delivery", "message", "count"):
        assert getattr(read, name) == getattr(event, name)
    for name in ("planned", "names", "sets", "consumes", "letter"):
        assert getattr(read, name) == getattr(event, name)


def test_an_event_holds_no_payload() -> None:
    assert b"title" not in event_record(EVENTS[1], "server", 1)


def test_half_of_a_character_in_an_error_does_not_stop_the_board() -> None:
    event = BoardEvent(kind="failed", at=NOON, delivery="a1@e~1", message="bad \ud800 text")
    assert read_event(event_record(event, "server", 1)).message == "bad \\ud800 text"


def test_an_artifact_is_read_as_it_was_stored() -> None:
    traced = replace(ARTIFACT, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    for artifact in (ARTIFACT, traced):
        read = read_artifact(artifact_record(12, artifact))
        assert (read.position, read.id, read.artifact) == (12, "a1", artifact)


def test_an_artifact_whose_traceparent_is_no_text_is_none() -> None:
    forged = replace(ARTIFACT, traceparent=7)  # type: ignore[arg-type]  # what somebody may write into a log
    with pytest.raises(CorruptRecord, match="traceparent"):
        read_artifact(artifact_record(12, forged))


def test_an_artifact_without_a_trace_says_nothing_of_one() -> None:
    assert b"traceparent" not in artifact_record(12, ARTIFACT)


def test_of_an_artifact_that_is_too_large_the_name_is_left() -> None:
    read = read_artifact(omission_record(12, ARTIFACT, 10_000_000))
    assert (read.position, read.id, read.artifact) == (12, "a1", None)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"\xff", "not JSON"),
        (b"3", "not a JSON object"),
        (b"{}", "version None"),
        (b'{"v":9}', "version 9"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(record: bytes, why: str) -> None:
    for read in (read_artifact, read_event):
        with pytest.raises(CorruptRecord, match=why):
            read(record)
