"""The lines of a backup: JSON, one thing on each. Pure; `file` reads and writes them.

    {"header": {"format": "covey-board/1", "board": "news/newsroom", "at": ...}}
    {"artifact": {...}}      each, in the order of publication; as `codec` writes it
    {"subscriber": {...}}    each, in the order in which they came; as `subscriptions` writes it
    {"delivery": {...}}      each, in the order of their places
    {"deadLetter": {...}}    each, oldest first
    {"footer": {"at": ..., "position": ..., "counts": {...}, "sha256": ...}}

Times are RFC 3339, UTC. Artifacts stand before what names them, since they are copied first: see `backup`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.joins import from_wire, to_wire
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.stores.records import (
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
)
from agent_runtime.blackboard.wire import codec

NAME = "covey-board/"
FORMAT = f"{NAME}1"
"""What this Covey reads and writes. A change that it could not read has another number."""

KINDS = ("header", "artifact", "subscriber", "delivery", "deadLetter", "footer")
"""The kinds of lines, in their order."""


class BadBackup(Exception):
    """A backup cannot be used: what is wrong, and in which line."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    board: str
    """`namespace/name`."""
    at: datetime
    """When the copying began."""


@dataclass(frozen=True, slots=True)
class Footer:
    """The last line: what must stand before it."""

    at: datetime
    """The moment of the copy."""
    position: int
    """Of the newest artifact, in the store that it was copied from."""
    sha256: str
    """Of all bytes before, in hexadecimal."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Lines by kind, but for header and footer."""


Line = Header | Artifact | Subscriber | DeliverySnapshot | DeadLetterSnapshot | Footer


def kind_of(line: Line) -> str:
    """One of KINDS."""
    match line:
        case Header():
            return "header"
        case Artifact():
            return "artifact"
        case Subscriber():
            return "subscriber"
        case DeliverySnapshot():
            return "delivery"
        case DeadLetterSnapshot():
            return "deadLetter"
        case Footer():
            return "footer"


def encode(line: Line) -> bytes:
    """The line, with its end."""
    return codec.dumps({kind_of(line): _wire(line)}) + b"\n"


def decode(document: bytes, subscribers: int = 0) -> Line:
    """The inverse of `encode`; `subscribers`: how many stood before. Raises BadBackup for what is none."""
    try:
        [(kind, wire)] = orjson.loads(document).items()
    except (ValueError, AttributeError) as error:
        raise BadBackup("it is no line of a backup") from error
    try:
        return _line(kind, wire, subscribers)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # pydantic's are ValueErrors
        raise BadBackup(f"it is no {kind} that this Covey can read: {_told(error)}") from error


def _wire(line: Line) -> Any:
    match line:
        case Header():
            return {"format": FORMAT, "board": line.board, "at": line.at}
        case Artifact():
            return codec.to_wire(line)
        case Subscriber():
            return orjson.Fragment(subscriptions.encode(line.identity, line.consumes))
        case DeliverySnapshot():
            return _kept_to_wire(line)
        case DeadLetterSnapshot():
            return _buried_to_wire(line)
        case Footer():
            return {
                "at": line.at,
                "position": line.position,
                "counts": dict(line.counts),
                "sha256": line.sha256,
            }


def _line(kind: str, wire: Any, subscribers: int) -> Line:
    match kind:
        case "header":
            return _header(wire)
        case "artifact":
            return codec.from_wire(wire)
        case "subscriber":
            return subscriptions.decode(orjson.dumps(wire), subscribers + 1)
        case "delivery":
            return _kept(wire)
        case "deadLetter":
            return _buried(wire)
        case "footer":
            return Footer(_moment(wire["at"]), wire["position"], wire["sha256"], dict(wire["counts"]))
        case _:
            raise BadBackup(f"there are no lines of the kind {kind!r}, only {', '.join(KINDS)}")


def _header(wire: Any) -> Header:
    name = wire["format"]
    if name != FORMAT:
        if name.startswith(NAME):
            raise BadBackup(f"its format is {name}, this Covey reads {FORMAT}: use the Covey that wrote it")
        raise BadBackup(f"its format is {name!r}, and no {FORMAT}: it is no backup of a blackboard")
    return Header(wire["board"], _moment(wire["at"]))


def _kept_to_wire(kept: DeliverySnapshot) -> dict[str, Any]:
    plan = kept.plan
    return {
        "name": plan.name,
        "agent": plan.agent,
        "artifacts": plan.artifact_ids,
        "priority": plan.priority,
        "due": plan.due,
        "gathering": None if plan.join is None else to_wire(plan.join),
        "since": kept.since,
        "attempt": kept.attempt,
        "base": kept.base,
        "sets": kept.sets,
        "error": kept.error,
    }


def _kept(wire: Any) -> DeliverySnapshot:
    join, since = wire["gathering"], wire["since"]
    plan = DeliveryPlan(
        wire["name"],
        wire["agent"],
        tuple(wire["artifacts"]),
        wire["priority"],
        _moment(wire["due"]),
        None if join is None else from_wire(join),
    )
    return DeliverySnapshot(
        plan,
        wire["attempt"],
        wire["base"],
        tuple(wire["sets"]),
        wire["error"],
        None if since is None else _moment(since),
    )


def _buried_to_wire(buried: DeadLetterSnapshot) -> dict[str, Any]:
    letter = buried.letter
    return {
        "name": letter.delivery,
        "agent": letter.agent,
        "artifacts": letter.artifact_ids,
        "attempts": letter.attempts,
        "error": letter.error,
        "at": letter.at,
        "priority": buried.priority,
        "sets": buried.sets,
    }


def _buried(wire: Any) -> DeadLetterSnapshot:
    letter = DeadLetter(
        wire["name"],
        wire["agent"],
        tuple(wire["artifacts"]),
        wire["attempts"],
        wire["error"],
        _moment(wire["at"]),
    )
    return DeadLetterSnapshot(letter, wire["priority"], tuple(wire["sets"]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _told(error: Exception) -> str:
    said = str(error).partition("\n")[0]
    return f"{said} is missing" if isinstance(error, KeyError) else said
