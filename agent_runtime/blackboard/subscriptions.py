"""Who is fed: an agent as it registered with the board, and whether what it asks for makes sense."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.board import BoardError, Identity
from agent_runtime.blackboard.types import TypeRegistry
from agent_runtime.cel import CelError, Expression

VARIABLES = ("payload", "tags", "type", "producer", "correlation", "partition")
"""What a predicate may speak of."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A registered agent: who it is, what sets it to work, and when it came compared with the others."""

    identity: Identity
    consumes: tuple[Consumes, ...]
    order: int
    """Smaller for who registered earlier; breaks ties between exclusive consumers."""


@dataclass(frozen=True, slots=True)
class Subscribers:
    """All registered agents, and the version that this list has; any change makes a new version."""

    version: int
    members: tuple[Subscriber, ...]


def check(consumes: Sequence[Consumes], registry: TypeRegistry) -> None:
    """Refuse, with every fault at once, what could never match: unknown types, predicates that are none.

    Raises BoardError `invalid_subscription`, status 422.
    """
    faults: list[dict[str, str]] = []
    for at, one in enumerate(consumes):
        faults += [
            {
                "pointer": f"/{at}/types/{index}",
                "message": f"there is no type {name!r} on this board; it knows {', '.join(registry.names)}",
            }
            for index, name in enumerate(one.types)
            if name not in registry
        ]
        if one.where is not None:
            try:
                Expression(one.where, VARIABLES)
            except CelError as error:
                faults.append({"pointer": f"/{at}/where", "message": str(error)})
    if faults:
        message = f"consumes{faults[0]['pointer']}: {faults[0]['message']}"
        raise BoardError("invalid_subscription", message, status=422, details=faults)


def encode(identity: Identity, consumes: Sequence[Consumes]) -> bytes:
    """The registration as JSON, always the same bytes for the same content."""
    body = {
        "name": identity.name,
        "labels": sorted(identity.labels),
        "tenant": identity.tenant,
        "consumes": [one.manifest() for one in consumes],
    }
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def decode(document: bytes | str, order: int) -> Subscriber:
    """The registration that `encode` wrote."""
    body: dict[str, Any] = orjson.loads(document)
    return Subscriber(
        Identity(body["name"], "agent", frozenset(body["labels"]), body["tenant"]),
        tuple(Consumes.model_validate(one) for one in body["consumes"]),
        order,
    )
