"""From an answer to the artifacts that the agent publishes. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid5

from agent_runtime.agents.output import ITEMS
from agent_runtime.api.agent import Publishes
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft

_NAMESPACE = UUID("6f1c2b3e-6f0a-5d0e-9d0f-3c1f6c0a7d11")


def drafts(
    agent: str, inputs: Sequence[Artifact], publishes: Sequence[Publishes], output: Any
) -> list[Draft]:
    """What is to be published. `output` has the shape that `delivery_shape` says; None publishes nothing.

    The ids follow from the inputs: known before the work is done, and the same when it is done again.
    """
    if output is None:
        return []
    drafted = []
    causes = ",".join(artifact.id for artifact in inputs)
    for published in publishes:
        value = output if len(publishes) == 1 else output.get(published.type)
        for index, payload in enumerate(_payloads(published, value)):
            drafted.append(
                Draft(
                    type=published.type,
                    payload=payload,
                    id=str(uuid5(_NAMESPACE, f"{agent}/{causes}/{published.type}/{index}")),
                    tags=tuple(published.tags or ()),
                    visibility=published.visibility or PUBLIC,
                )
            )
    return drafted


def _payloads(published: Publishes, value: Any) -> Iterator[Any]:
    if value is None:
        return
    if published.fan_out is None:
        yield value
    else:
        yield from value[ITEMS]
