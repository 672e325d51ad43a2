"""Who is fed: an agent as it registered with the board, and whether what it asks for makes sense."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agent_runtime.api.agent import Consumes, Join
from agent_runtime.api.base import seconds
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.matching.correlation import LONGEST_WAIT, needs
from agent_runtime.blackboard.matching.predicate_bounds import growth_in
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.core.cel import CelError, Expression

VARIABLES = ("payload", "tags", "type", "producer", "correlation", "partition")
"""What a predicate may speak of."""
MOST_TOGETHER = 1000
"""Artifacts in one delivery."""
NO_EMBEDDING = "this board has no embedding (spec.embedding) to tell what is similar"


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


def check(consumes: Sequence[Consumes], registry: TypeRegistry, *, embeds: bool = False) -> None:
    """Refuse, with every fault at once, what could never match: unknown types, predicates that are none.

    `embeds` says whether the board can tell what is similar.
    Raises BoardError `invalid_subscription`, status 422.
    """
    found = [
        {"pointer": f"/{at}{pointer}", "message": message}
        for at, one in enumerate(consumes)
        for pointer, message in (*_unknown_types(one, registry), *faults(one, embeds=embeds))
    ]
    if found:
        message = f"consumes{found[0]['pointer']}: {found[0]['message']}"
        raise BoardError("invalid_subscription", message, status=422, details=found)


def _unknown_types(one: Consumes, registry: TypeRegistry) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(one.types):
        if name not in registry:
            known = ", ".join(registry.names)
            yield f"/types/{index}", f"there is no type {name!r} on this board; it knows {known}"


def faults(one: Consumes, *, embeds: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with an entry whatever types there are: JSON pointers below the entry, and messages."""
    if one.where is not None:
        yield from _expression_faults("/where", one.where)
    if one.similar_to is not None and not embeds:
        yield "/similarTo", NO_EMBEDDING
    if one.join is not None:
        yield from _join_faults(one.types, one.join)
    if one.batch is not None:
        yield from _span_faults("/batch/within", one.batch.within)
    artifacts = sum(needs(one)) if one.join is not None else 1
    artifacts *= one.batch.size if one.batch is not None else 1
    if artifacts > MOST_TOGETHER:
        message = f"{artifacts} artifacts would come in one delivery, at most {MOST_TOGETHER} are allowed"
        yield "/batch" if one.batch is not None else "/join", message


def _join_faults(types: Sequence[str], join: Join) -> Iterator[tuple[str, str]]:
    yield from _span_faults("/join/window", join.window)
    yield from _expression_faults("/join/by", join.by)
    for index, name in enumerate(types):
        if name in types[:index]:
            yield f"/types/{index}", f"a join names each type once: for several {name!r}, use join.counts"
    counted = [one.type for one in join.counts]
    for index, name in enumerate(counted):
        if name in counted[:index]:
            yield f"/join/counts/{index}", f"{name!r} is counted twice"
        if name not in types:
            yield f"/join/counts/{index}", f"{name!r} is not among the types of this entry"


def _span_faults(pointer: str, duration: str) -> Iterator[tuple[str, str]]:
    if not 0 < seconds(duration) <= LONGEST_WAIT.total_seconds():
        yield pointer, f"{duration!r} is no time to wait: want more than 0s and at most {LONGEST_WAIT.days}d"


def _expression_faults(pointer: str, source: str) -> Iterator[tuple[str, str]]:
    try:
        Expression(source, VARIABLES)
    except CelError as error:
        yield pointer, str(error)
        return
    if growth := growth_in(source):
        yield pointer, f"expression {source!r}: {growth}"


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
