"""What a model is asked about a delivery: its artifacts, as JSON. Pure."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from agent_runtime.agents.work import Work
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Delivery


def question(work: Work) -> str:
    """What the model is asked: the message, or the artifacts as JSON, and which of them belong together."""
    if work.source == "chat":
        return work.question
    return json.dumps(asked(work.inputs, work.sets), ensure_ascii=False)


def asked(inputs: Sequence[Artifact], sets: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """The artifacts as plain values; `sets` are ids of those that belong together."""
    artifacts = [_shown(artifact) for artifact in inputs]
    values: dict[str, Any] = {
        "artifacts": artifacts,
        "payload": artifacts[0]["payload"] if artifacts else None,
    }
    if sets:
        values["sets"] = sets
    return values


def sets_of(delivery: Delivery) -> tuple[tuple[str, ...], ...]:
    """The ids of the artifacts of each set."""
    ids = iter([artifact.id for artifact in delivery.artifacts])
    return tuple(tuple(islice(ids, size)) for size in delivery.sets)


def _shown(artifact: Artifact) -> Mapping[str, Any]:
    return {
        "id": artifact.id,
        "type": artifact.type,
        "payload": dict(artifact.payload),
        "producer": artifact.producer,
        "tags": list(artifact.tags),
    }
