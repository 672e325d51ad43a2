"""Artifacts and drafts as JSON: one form on every wire and in every store.

{"id", "type", "version", "payload", "tags", "partition", "visibility", "correlation", "producer",
 "createdAt" (RFC 3339, UTC, microseconds), "tenant", "depth", "causes", "invoked",
 and those that it has of "producerRole" and "traceparent"}
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from agent_runtime.api.agent import Visibility
from agent_runtime.blackboard.access.visibility import kind_of
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft

_PUBLIC_JSON: dict[str, Any] = {"public": {}}
# what JSON has no word for must not slip through as something else
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_CONTENT = ("type", "version", "tags", "partition", "correlation", "producer", "tenant")


def to_wire(artifact: Artifact) -> dict[str, Any]:
    """The artifact as plain values; `createdAt` is left for `orjson` to write."""
    wire: dict[str, Any] = {
        "id": artifact.id,
        "type": artifact.type,
        "version": artifact.version,
        "payload": artifact.payload,
        "tags": artifact.tags,
        "partition": artifact.partition,
        "visibility": visibility_to_wire(artifact.visibility),
        "correlation": artifact.correlation,
        "producer": artifact.producer,
        "createdAt": artifact.created_at,
        "tenant": artifact.tenant,
        "depth": artifact.depth,
        "causes": artifact.causes,
        "invoked": artifact.invoked,
    }
    if artifact.producer_role is not None:
        wire["producerRole"] = artifact.producer_role
    if artifact.traceparent is not None:
        wire["traceparent"] = artifact.traceparent
    return wire


def from_wire(wire: Mapping[str, Any]) -> Artifact:
    """The artifact that `to_wire` made it from, also after a trip through JSON."""
    return Artifact(
        id=wire["id"],
        type=wire["type"],
        version=wire["version"],
        payload=wire["payload"],
        tags=tuple(wire["tags"]),
        partition=wire["partition"],
        visibility=visibility_from_wire(wire["visibility"]),
        correlation=wire["correlation"],
        producer=wire["producer"],
        created_at=datetime.fromisoformat(wire["createdAt"]),
        tenant=wire["tenant"],
        depth=wire["depth"],
        causes=tuple(wire["causes"]),
        producer_role=wire.get("producerRole"),
        invoked=wire.get("invoked"),
        traceparent=wire.get("traceparent"),
    )


def dumps(value: object) -> bytes:
    """JSON as it goes over the wire: times in UTC with a Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def encode(artifact: Artifact) -> bytes:
    """The artifact as JSON."""
    return dumps(to_wire(artifact))


def decode(document: bytes | str) -> Artifact:
    """The artifact that `encode` wrote."""
    return from_wire(orjson.loads(document))


def draft_to_wire(draft: Draft) -> dict[str, Any]:
    """The draft as plain values, without what was left out."""
    wire: dict[str, Any] = {"type": draft.type, "payload": draft.payload}
    if draft.tags:
        wire["tags"] = draft.tags
    if draft.visibility is not PUBLIC:
        wire["visibility"] = visibility_to_wire(draft.visibility)
    for name in ("id", "version", "partition", "correlation"):
        if (value := getattr(draft, name)) is not None:
            wire[name] = value
    return wire


def visibility_to_wire(visibility: Visibility) -> dict[str, Any]:
    """As in a manifest: `{"private": {"agents": ["editor"]}}`."""
    return _PUBLIC_JSON if visibility is PUBLIC else visibility.manifest()


def visibility_from_wire(wire: Mapping[str, Any]) -> Visibility:
    """The visibility that the wire form stands for. Public is always the one constant `PUBLIC`."""
    return PUBLIC if wire == _PUBLIC_JSON else Visibility.model_validate(wire)


def plain(payload: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """A copy of the payload as JSON has it, which nobody else holds, and its size in bytes.

    Raises ValueError for what JSON would change or cannot say: dates, sets, tuples, NaN, huge numbers.
    """
    try:
        document = orjson.dumps(payload, option=_STRICT)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error
    copy: dict[str, Any] = orjson.loads(document)
    if copy != payload:
        raise ValueError("it comes back changed from JSON: it holds a tuple, a NaN or the like")
    return copy, len(document)


def same_content(one: Artifact, other: Artifact) -> bool:
    """Whether publishing one after the other says nothing new: all that the producer chose is equal.

    And the producer is the same: its name, its tenant and its role. What was stored before roles were kept
    has neither a role nor the agent that it was published for: those are not compared then.
    """
    of_before = None in (one.producer_role, other.producer_role)
    return (
        all(getattr(one, name) == getattr(other, name) for name in _CONTENT)
        and (of_before or (one.producer_role, one.invoked) == (other.producer_role, other.invoked))
        and same_json(one.payload, other.payload)
        and _same_visibility(one.visibility, other.visibility)
    )


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are written alike, but for the order of keys.

    Python takes `True`, `1` and `1.0` for equal, and `0.0` and `-0.0`; their readers do not.
    """
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def _same_visibility(one: Visibility, other: Visibility) -> bool:
    return one == other or kind_of(one) == kind_of(other) == "public"
