"""Records as JSON. Pure.

Of an artifact: {"v": 1, "kind": "published", "position": N, "artifact": {... as on every wire}}; of one that
is too large for the log: {"v": 1, "kind": "omitted", "position": N, "artifact": {"id": ...}, "bytes": ...}.
Of an event: {"v": 1, "kind", "at", "instance", "seq"} and those fields of `LoggedEvent` that are not empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.stores.records import (
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
)
from agent_runtime.blackboard.wire.codec import dumps, from_wire, to_wire

VERSION: Literal[1] = 1


class CorruptRecord(Exception):
    """A record that is none, or of a version that is not known here; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class LoggedArtifact:
    """An artifact, and its position in the store that it comes from."""

    position: int
    id: str
    artifact: Artifact | None
    """None: it was too large for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """What a server told. The kinds are those of `BoardEvent`, and these.

    `began`: the log begins with a board that is there, up to `position`; `kept`: a delivery on it;
    `buried`: a dead letter on it; `standing`: a subscriber that was there when a server started; `gap`:
    `count` events are lost.
    """

    v: Literal[1]
    kind: str
    at: datetime
    instance: str
    """The server."""
    seq: int
    """Counts the events of the server, from 1."""
    agent: str = ""
    identity: Identity | None = None
    artifact: str = ""
    """Its id."""
    delivery: str = ""
    message: str = ""
    count: int = 1
    position: int = 0
    planned: tuple[DeliveryPlan, ...] = ()
    names: tuple[str, ...] = ()
    sets: tuple[int, ...] = ()
    consumes: tuple[Consumes, ...] = ()
    letter: DeadLetter | None = None
    kept: DeliverySnapshot | None = None
    buried: DeadLetterSnapshot | None = None


_EVENT = TypeAdapter(LoggedEvent)
_FIELDS = tuple(one.name for one in fields(LoggedEvent))
_OF_A_BOARD = (
    *("agent", "identity", "delivery", "message", "count"),
    *("planned", "names", "sets", "consumes", "letter"),
)


def artifact_record(position: int, artifact: Artifact) -> bytes:
    """The record of an artifact."""
    wire = {"v": VERSION, "kind": "published", "position": position, "artifact": to_wire(artifact)}
    return dumps(wire)


def omission_record(position: int, artifact: Artifact, size: int) -> bytes:
    """The record that stands for an artifact of so many bytes, which is too large for the log."""
    wire = {"v": VERSION, "kind": "omitted", "position": position, "artifact": {"id": artifact.id}}
    return dumps({**wire, "bytes": size})


def read_artifact(record: bytes) -> LoggedArtifact:
    """The artifact of a record. Raises CorruptRecord."""
    wire = _object(record)
    try:
        position, body = wire["position"], wire["artifact"]
        id_ = body["id"]
        if not isinstance(position, int) or position < 1 or not isinstance(id_, str):
            raise CorruptRecord("its position is no positive number, or its artifact has no id")
        match wire["kind"]:
            case "published":
                artifact = from_wire(body)
                _check(artifact)
                return LoggedArtifact(position, id_, artifact)
            case "omitted":
                return LoggedArtifact(position, id_, None)
            case kind:
                raise CorruptRecord(f"there is no kind {kind!r} of records of artifacts")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptRecord(f"it holds no artifact: {type(error).__name__}: {error}") from error


def event_record(event: BoardEvent, instance: str, seq: int) -> bytes:
    """The record of what happened on a board: no payload, of artifacts their ids."""
    wire = {"v": VERSION, "kind": event.kind, "at": event.at, "instance": instance, "seq": seq}
    if event.artifact is not None:
        wire["artifact"] = event.artifact.id
    return _record(wire, event, _OF_A_BOARD)


def standing(subscriber: Subscriber, at: datetime, instance: str, seq: int) -> bytes:
    """The record of a subscriber who is there when a server starts."""
    identity, consumes = subscriber.identity, subscriber.consumes
    return logged(
        LoggedEvent(
            v=VERSION,
            kind="standing",
            at=at,
            instance=instance,
            seq=seq,
            agent=identity.name,
            identity=identity,
            consumes=consumes,
        )
    )


def logged(event: LoggedEvent) -> bytes:
    """The event as JSON."""
    return _record({}, event, _FIELDS)


def _record(wire: dict[str, Any], event: object, names: Sequence[str]) -> bytes:
    """With those fields of the event that say something."""
    for name in names:
        if value := getattr(event, name):
            wire[name] = value
    if wire.get("count") == 1:
        del wire["count"]
    try:
        return orjson.dumps(wire, default=_plain, option=orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError:  # the words of an agent, with half of a character in them
        wire["message"] = wire.get("message", "").encode("utf-8", "backslashreplace").decode()
        return orjson.dumps(wire, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    """What JSON has no word for, as pydantic reads it."""
    match value:
        case timedelta():
            return f"PT{value.total_seconds():f}S"
        case frozenset():
            return sorted(value)
        case Consumes():
            return value.manifest()
        case _:
            raise TypeError(type(value).__name__)


def read_event(record: bytes) -> LoggedEvent:
    """The event of a record. Raises CorruptRecord."""
    _object(record)
    try:
        event = _EVENT.validate_json(record)
    except ValueError as error:
        raise CorruptRecord(f"it is no event: {' '.join(str(error).split())[:300]}") from error
    times = [event.at, *(one.due for one in event.planned)]
    times += [event.letter.at] if event.letter else []
    times += [event.kept.plan.due, event.kept.since or event.at] if event.kept else []
    times += [event.buried.letter.at] if event.buried else []
    if any(time.tzinfo is None for time in times):
        raise CorruptRecord("it is no event: a time without its zone")
    return event


def _object(record: bytes) -> dict[str, Any]:
    try:
        wire = orjson.loads(record)
    except orjson.JSONDecodeError as error:
        raise CorruptRecord(f"it is not JSON: {error}") from error
    if not isinstance(wire, dict):
        raise CorruptRecord("it is not a JSON object")
    if wire.get("v") != VERSION:
        raise CorruptRecord(f"it has version {wire.get('v')!r}, this program reads {VERSION}")
    return wire


def _check(artifact: Artifact) -> None:
    texts = (artifact.type, artifact.correlation, artifact.producer, *artifact.tags, *artifact.causes)
    if not all(isinstance(text, str) for text in texts) or not isinstance(artifact.payload, dict):
        raise CorruptRecord("it holds no artifact: a name is not text, or the payload is no object")
    if not isinstance(artifact.version, int) or not isinstance(artifact.depth, int):
        raise CorruptRecord("it holds no artifact: its version or depth is no number")
    if not isinstance(artifact.traceparent, str | None):
        raise CorruptRecord("it holds no artifact: its traceparent is no text")
    if artifact.created_at.tzinfo is None:
        raise CorruptRecord("it holds no artifact: createdAt has no zone")
