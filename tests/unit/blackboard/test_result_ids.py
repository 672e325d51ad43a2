"""The ids of results: the same for the same work, and refused to everybody else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.result_ids import ids_of_results, is_reserved

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
DELIVERY = "order-17@ben"
ID = ids_of_results(DELIVERY, [IDEA])(0)


def test_the_same_work_leads_to_the_same_id() -> None:
    assert ids_of_results(DELIVERY, [replace(IDEA)])(0) == ID


@pytest.mark.parametrize(
    ("delivery", "inputs", "number"),
    [
        pytest.param("order-17@eve", [IDEA], 0, id="another agent"),
        pytest.param("order-17+0a1b2c3d@ben", [IDEA], 0, id="another entry"),
        pytest.param(DELIVERY, [OTHER], 0, id="another input"),
        pytest.param(DELIVERY, [IDEA, OTHER], 0, id="one more input"),
        pytest.param(DELIVERY, [IDEA], 1, id="the next"),
        pytest.param(DELIVERY, [LATER], 0, id="published later"),
    ],
)
def test_other_work_leads_to_another(delivery: str, inputs: list[Artifact], number: int) -> None:
    assert ids_of_results(delivery, inputs)(number) != ID


@pytest.mark.parametrize(
    ("id_", "reserved"),
    [(ID, True), ("result:build-1:0", False), (ID.upper(), False), (f"x{ID}", False), (f"{ID}\n", False)],
)
def test_ids_of_that_form_are_reserved(id_: str, reserved: bool) -> None:
    assert is_reserved(id_) is reserved
