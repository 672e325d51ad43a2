"""The ids of results: known before the work is done, and known to nobody else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.agents.publishing import result_id
from agent_runtime.blackboard.artifact import Artifact

IDEA = Artifact(
    id="order-17",
    type="Idea",
    version=1,
    payload={},
    producer="ann",
    correlation="order-17",
    created_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
)
OTHER = replace(IDEA, id="order-18")
LATER = replace(IDEA, created_at=IDEA.created_at + timedelta(microseconds=1))
ID = result_id("ben", [IDEA], "Note", 0)


def test_the_same_work_leads_to_the_same_id() -> None:
    assert result_id("ben", [replace(IDEA)], "Note", 0) == ID


@pytest.mark.parametrize(
    ("agent", "inputs", "type_", "index"),
    [
        ("eve", [IDEA], "Note", 0),
        ("ben", [OTHER], "Note", 0),
        ("ben", [IDEA, OTHER], "Note", 0),
        ("ben", [IDEA], "Report", 0),
        ("ben", [IDEA], "Note", 1),
        ("ben", [LATER], "Note", 0),
    ],
    ids=["another agent", "another input", "one more input", "another type", "the next", "published later"],
)
def test_other_work_leads_to_another(agent: str, inputs: list[Artifact], type_: str, index: int) -> None:
    assert result_id(agent, inputs, type_, index) != ID
