"""From an answer to the artifacts that the agent publishes. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from agent_runtime.agents.output import ITEMS
from agent_runtime.api.agent import Publishes
from agent_runtime.blackboard.artifact import PUBLIC, Draft


def drafts(publishes: Sequence[Publishes], output: Any) -> list[Draft]:
    """What is to be published. `output` has the shape that `delivery_shape` says; None publishes nothing.

    The board names them by the delivery that they are results of: see `blackboard.result_ids`.
    """
    return [
        Draft(
            type=published.type,
            payload=payload,
            tags=tuple(published.tags or ()),
            visibility=published.visibility or PUBLIC,
        )
        for published, payload in payloads(publishes, output)
    ]


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
