"""A run's state at a boundary, and how it is written down.

Everything that a run needs to go on elsewhere: the shared store, where each walk stands, how often each place
was visited. Plain JSON, so that another process, version or person can read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from agent_runtime.durable.strict_json import NotJson, dumps, step
from agent_runtime.flow import Frame

FORMAT = 1
MAX_BYTES = 16 * 1024 * 1024
_NAMED = 3


class CheckpointError(ValueError):
    """The state cannot be kept, or what was kept cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class End:
    """The run is over; `action` is what its flow returned."""

    action: Any


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a run between two nodes.

    `frames` by the walk's place in the run ("" is the run's own flow; see `progress.py`), `visits` as
    `agent_runtime.flow.Run.visits`; `extra` is the host's: usage, states of nodes.
    """

    fingerprint: str
    shared: dict[str, Any]
    frames: Mapping[str, Frame] = field(default_factory=dict)
    visits: Mapping[str, int] = field(default_factory=dict)
    extra: Any = None
    end: End | None = None

    def under_way(self) -> tuple[str, ...]:
        """The paths of the nodes that come next, as far as they are known: several in parallel passes."""
        places = [f"{walk}{frame.next}" for walk, frame in self.frames.items() if frame.next is not None]
        # "review" is no news when "review/draft" is known.
        around = [walk.rstrip("/").split("#")[0] for walk in self.frames]
        return tuple(place for place in places if not any(_encloses(place, walk) for walk in around))


def encode(
    checkpoint: Checkpoint, *, transient: frozenset[str] = frozenset(), limit: int = MAX_BYTES
) -> bytes:
    """As JSON, without the `transient` keys of the shared store.

    Raises CheckpointError, which names the value that is not JSON, or the largest keys when there are more
    than `limit` bytes.
    """
    shared = checkpoint.shared
    if transient:
        shared = {key: value for key, value in shared.items() if key not in transient}
    document: dict[str, Any] = {
        "format": FORMAT,
        "fingerprint": checkpoint.fingerprint,
        "shared": shared,
        "frames": {
            walk: {"next": frame.next, "action": frame.action, "params": frame.params, "steps": frame.steps}
            for walk, frame in checkpoint.frames.items()
        },
        "visits": checkpoint.visits,
        "extra": checkpoint.extra,
        "end": None if checkpoint.end is None else {"action": checkpoint.end.action},
    }
    try:
        body = dumps(document, "")
    except NotJson as fault:
        raise CheckpointError(_advice(fault, shared)) from None
    if len(body) > limit:
        raise CheckpointError(_too_large(len(body), limit, shared))
    return body


def decode(body: bytes, *, of: str) -> Checkpoint:
    """The inverse of `encode`. `of` names the run and boundary in the CheckpointError of a damaged one."""
    try:
        document = orjson.loads(body)
        if document["format"] != FORMAT:
            raise CheckpointError(
                f"{of}: its checkpoint has format {document['format']!r}, this Covey knows only {FORMAT}: "
                "resume with the Covey that wrote it"
            )
        end = document["end"]
        return Checkpoint(
            fingerprint=_typed(document["fingerprint"], str),
            shared=_typed(document["shared"], dict),
            frames={walk: _frame(walk, frame) for walk, frame in document["frames"].items()},
            visits={path: _typed(count, int) for path, count in document["visits"].items()},
            extra=document["extra"],
            end=None if end is None else End(end["action"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{of}: its checkpoint is damaged ({type(error).__name__}: {error}): fork the run from an "
            "earlier boundary of its history, or start it anew"
        ) from None


def _frame(walk: str, frame: Any) -> Frame:
    next_ = frame["next"]
    return Frame(
        walk=walk,
        next=None if next_ is None else _typed(next_, str),
        action=frame["action"],
        params=_typed(frame["params"], dict),
        steps=_typed(frame["steps"], int),
    )


def _typed(value: Any, wanted: type) -> Any:
    if type(value) is not wanted:
        raise TypeError(f"{type(value).__name__} where {wanted.__name__} is due")
    return value


def _encloses(place: str, walk: str) -> bool:
    return walk == place or (walk.startswith(place) and walk[len(place)] in "/[!")


def _advice(fault: NotJson, shared: Mapping[str, Any]) -> str:
    for key in shared:
        place = step("shared", key)
        if fault.path == place or fault.path.startswith((f"{place}.", f"{place}[")):
            return f"{fault}, or declare the key {key!r} transient"
    return str(fault)


def _too_large(size: int, limit: int, shared: Mapping[str, Any]) -> str:
    sizes = sorted(((len(orjson.dumps(value)), key) for key, value in shared.items()), reverse=True)
    largest = ", ".join(f"{step('shared', key)} ({size:,} bytes)" for size, key in sizes[:_NAMED])
    return (
        f"the checkpoint has {size:,} bytes, {limit:,} are allowed. The largest keys: {largest}. Keep large "
        "things elsewhere and their address here, or declare keys transient"
    )
