"""From an answer to the artifacts that the agent publishes. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid5

from agent_runtime.agents.output import ITEMS
from agent_runtime.api.agent import Publishes
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft
from agent_runtime.times import micros

_NAMESPACE = UUID("6f1c2b3e-6f0a-5d0e-9d0f-3c1f6c0a7d11")


def drafts(
    agent: str, inputs: Sequence[Artifact], publishes: Sequence[Publishes], output: Any
) -> list[Draft]:
    """What is to be published. `output` has the shape that `delivery_shape` says; None publishes nothing.

    The ids follow from the inputs: known before the work is done, and the same when it is done again.
    """
    counts: dict[str, int] = {}
    drafted = []
    for published, payload in payloads(publishes, output):
        index = counts[published.type] = counts.get(published.type, -1) + 1
        drafted.append(
            Draft(
                type=published.type,
                payload=payload,
                id=result_id(agent, inputs, published.type, index),
                tags=tuple(published.tags or ()),
                visibility=published.visibility or PUBLIC,
            )
        )
    return drafted


def result_id(agent: str, inputs: Sequence[Artifact], type_: str, index: int) -> str:
    """The id of the `index`-th artifact of a type that the agent makes of these inputs.

    When they were published is in it, to the microsecond, so that nobody else can take the id before.
    """
    causes = ",".join(f"{artifact.id}@{micros(artifact.created_at)}" for artifact in inputs)
    return str(uuid5(_NAMESPACE, f"{agent}/{causes}/{type_}/{index}"))


def payloads(publishes: Sequence[Publishes], output: Any) -> Iterator[tuple[Publishes, Any]]:
    """The payloads in an output that has the shape of `delivery_shape`, each with what it is published as."""
    if output is None:
        return
    for published in publishes:
        value = output if len(publishes) == 1 else output.get(published.type)
        if value is None:
            continue
        if published.fan_out is None:
            yield published, value
        else:
            yield from ((published, item) for item in value[ITEMS])
