"""Publications as the scripts in `lua/` take them, and the indexes by which artifacts are found again."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.joins import to_wire
from agent_runtime.blackboard.stores.records import DeliveryPlan, Publication
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.core.times import micros


def plan_of(publications: Sequence[Publication]) -> str:
    """What the scripts need to know about artifacts and deliveries, as JSON; see publications.lua."""
    return orjson.dumps([_planned(one) for one in publications]).decode()


def bodies_of(publications: Sequence[Publication]) -> list[str]:
    """The artifacts as JSON."""
    return [encode(one.artifact).decode() for one in publications]


def indexes_of(artifact: Artifact) -> list[str]:
    """The names of all indexes that it is in."""
    indexes = [
        "all",
        f"type:{artifact.type}",
        f"correlation:{artifact.correlation}",
        f"producer:{artifact.producer}",
        *(f"tag:{tag}" for tag in dict.fromkeys(artifact.tags)),
    ]
    if artifact.partition is not None:
        indexes.append(f"partition:{artifact.partition}")
    return indexes


def _planned(publication: Publication) -> dict[str, Any]:
    artifact, deliveries = publication.artifact, publication.deliveries
    plan: dict[str, Any] = {
        "id": artifact.id,
        "at": micros(artifact.created_at),
        "indexes": indexes_of(artifact),
        "deliveries": [_delivery(delivery) for delivery in deliveries],
    }
    if deliveries:
        plan["uses"] = Counter(id_ for delivery in deliveries for id_ in delivery.artifact_ids)
    return plan


def _delivery(planned: DeliveryPlan) -> dict[str, Any]:
    delivery: dict[str, Any] = {
        "name": planned.name,
        "agent": planned.agent,
        "artifacts": orjson.dumps(planned.artifact_ids).decode(),
        "priority": planned.priority,
        "due": micros(planned.due),
    }
    if planned.join is not None:
        delivery["gathering"] = orjson.dumps(to_wire(planned.join)).decode()
    return delivery
