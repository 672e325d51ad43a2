"""Publications as the scripts in `lua/` take them, and the indexes by which artifacts are found again."""

from collections.abc import Sequence

import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.codec import encode
from agent_runtime.blackboard.stores.port import Publication
from agent_runtime.times import micros


def plan_of(publications: Sequence[Publication]) -> str:
    """What the scripts need to know about artifacts and deliveries, as JSON; see `insert` in common.lua."""
    plan = [
        {
            "id": one.artifact.id,
            "at": micros(one.artifact.created_at),
            "indexes": _indexes(one.artifact),
            "deliveries": [
                {
                    "name": delivery.name,
                    "agent": delivery.agent,
                    "artifacts": orjson.dumps(delivery.artifact_ids).decode(),
                    "priority": delivery.priority,
                    "due": micros(delivery.due),
                }
                for delivery in one.deliveries
            ],
        }
        for one in publications
    ]
    return orjson.dumps(plan).decode()


def bodies_of(publications: Sequence[Publication]) -> list[str]:
    """The artifacts as JSON."""
    return [encode(one.artifact).decode() for one in publications]


def most_selective_index(query: Query) -> str:
    """The index to walk; the other filters are asked of what it yields."""
    for name in ("correlation", "tag", "producer", "type"):
        if (value := getattr(query, name)) is not None:
            return f"{name}:{value}"
    return "all"


def _indexes(artifact: Artifact) -> list[str]:
    return [
        "all",
        f"type:{artifact.type}",
        f"correlation:{artifact.correlation}",
        f"producer:{artifact.producer}",
        *(f"tag:{tag}" for tag in dict.fromkeys(artifact.tags)),
    ]
