"""Which finished runs go: by their number, by their age, and never too early."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_runtime.triggers.history import expired

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ended(name: str, minutes_ago: int, *, by: str | None = "cron", **metadata: Any) -> dict[str, Any]:
    """A run that ended; `by` a trigger of the kind, or a person."""
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")
    labels = {"covey.dev/flow": "report"} | ({"covey.dev/trigger": f"{by}-k1"} if by else {})
    annotations = {"covey.dev/artifact": name} if by == "artifact" else {}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": annotations, **metadata},
        "spec": {},
        "status": {"phase": "Succeeded", "finishedAt": at},
    }


def running(name: str) -> dict[str, Any]:
    run = ended(name, 10_000)
    return {**run, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("runs", "limit", "ttl", "gone"),
    [
        ([], 10, None, []),
        ([ended("b", 2), ended("a", 3), ended("c", 1)], 3, None, []),
        ([ended("b", 2), ended("a", 3), ended("c", 1)], 2, None, ["a"]),
        ([ended("b", 2), ended("a", 3), ended("c", 1)], 0, None, ["a", "b", "c"]),
        ([ended("b", 2), ended("a", 2), ended("c", 2)], 1, None, ["a", "b"]),
        # by age
        ([ended("a", 59), ended("b", 60), ended("c", 61)], 10, HOUR, ["c", "b"]),
        ([ended("a", -5)], 10, timedelta(0), []),
        ([ended("a", 0)], 10, timedelta(0), ["a"]),
        # both
        ([ended("a", 70), ended("b", 3), ended("c", 2)], 1, HOUR, ["a", "b"]),
        # people's runs have an age and no number
        ([ended("a", 70, by=None), ended("b", 3, by=None)], 0, HOUR, ["a"]),
        ([ended("a", 9, by=None), ended("b", 3)], 1, None, []),
        # what has not ended stays, and does not count
        ([running("a"), ended("b", 1)], 1, HOUR, []),
        ([running("a"), ended("b", 1), ended("c", 2)], 1, HOUR, ["c"]),
        # what is being deleted is not deleted again, and does not count
        ([ended("a", 1, deletionTimestamp="2026-11-21T12:00:00Z"), ended("b", 2)], 1, HOUR, []),
    ],
)
def test_what_is_deleted(
    runs: list[dict[str, Any]], limit: int, ttl: timedelta | None, gone: list[str]
) -> None:
    assert expired(runs, limit, ttl, NOW) == gone


@pytest.mark.parametrize(
    ("settled", "gone"),
    [(NOW + HOUR, ["schedule"]), (NOW, ["schedule", "order"]), (NOW - HOUR, ["schedule", "order"])],
)
def test_a_run_for_an_artifact_stays_while_the_artifact_may_come_again(
    settled: datetime, gone: list[str]
) -> None:
    runs = [ended("schedule", 70), ended("order", 65, by="artifact"), ended("kept", 1, by="artifact")]
    assert expired(runs, 1, HOUR, NOW, settled=settled) == gone


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Failed", "conditions": [{"lastTransitionTime": "2026-11-21T10:00:00Z"}]},
        {"phase": "Failed", "conditions": [{"lastTransitionTime": ""}]},
        {"phase": "Cancelled"},
    ],
)
def test_a_run_that_ended_before_it_began_has_an_age_too(status: dict[str, Any]) -> None:
    run = ended("a", 0, creationTimestamp="2026-11-21T10:00:00Z") | {"status": status}
    assert expired([run], 10, HOUR, NOW) == ["a"]
    assert expired([run], 10, 3 * HOUR, NOW) == []
