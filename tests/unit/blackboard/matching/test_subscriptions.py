"""What an agent may subscribe to."""

from typing import Any

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.matching.subscriptions import check
from agent_runtime.blackboard.schema.registry import TypeRegistry

REGISTRY = TypeRegistry([ArtifactType(name=name, schema_={}) for name in ("A", "B")])


def consumes(**fields: Any) -> Consumes:
    return Consumes.model_validate({"types": ["A"], **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"types": ["A", "A"]},
        {"where": "payload.x > 1"},
        {"join": {"window": "1ms"}},
        {"types": ["A", "B"], "join": {"window": "366d", "by": "payload.x + correlation"}},
        {"types": ["A", "B"], "join": {"window": "1s", "counts": [{"type": "B", "count": 2}]}},
        {"batch": {"size": 1000, "within": "1s"}},
        {"types": ["A", "B"], "join": {"window": "1s"}, "batch": {"size": 500, "within": "1s"}},
    ],
    ids=str,
)
def test_what_makes_sense_is_taken(fields: dict[str, Any]) -> None:
    check([consumes(**fields)], REGISTRY)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"types": ["A", "C"]}, ["/1/types/1"]),
        ({"where": "payload.x >"}, ["/1/where"]),
        ({"where": "nonsense > 1"}, ["/1/where"]),
        ({"similarTo": {"text": "bees"}}, ["/1/similarTo"]),
        ({"join": {"window": "1s", "by": "who"}}, ["/1/join/by"]),
        ({"join": {"window": "0s"}}, ["/1/join/window"]),
        ({"join": {"window": "367d"}}, ["/1/join/window"]),
        ({"join": {"window": "99999999999999999999d"}}, ["/1/join/window"]),
        ({"types": ["A", "B", "A"], "join": {"window": "1s"}}, ["/1/types/2"]),
        (
            {"join": {"window": "1s", "counts": [{"type": "A", "count": 2}, {"type": "A", "count": 3}]}},
            ["/1/join/counts/1"],
        ),
        ({"join": {"window": "1s", "counts": [{"type": "B", "count": 2}]}}, ["/1/join/counts/0"]),
        ({"batch": {"size": 3, "within": "0ms"}}, ["/1/batch/within"]),
        (
            {"types": ["A", "B"], "join": {"window": "1s"}, "batch": {"size": 501, "within": "1s"}},
            ["/1/batch"],
        ),
        (
            {"types": ["C"], "where": "(", "join": {"window": "0s"}},
            ["/1/types/0", "/1/where", "/1/join/window"],
        ),
    ],
    ids=str,
)
def test_what_could_never_match_is_refused_with_every_fault(
    fields: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(BoardError) as refused:
        check([consumes(), consumes(**fields)], REGISTRY)
    assert (refused.value.code, refused.value.status) == ("invalid_subscription", 422)
    assert [detail["pointer"] for detail in refused.value.details] == pointers
