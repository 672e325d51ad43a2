"""What happens on a blackboard, as a person is told of it. Pure."""

from types import MappingProxyType
from typing import Any

from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.telemetry.events import Event

_UNTOLD = frozenset(
    {
        "acknowledged",
        "delivered",
        "dropped",
        "failed",
        "forgotten",
        "gathered",
        "leased",
        "pruned",
        "released",
        "replayed",
        "subscribed",
    }
)
"""What the agents' own events tell, or what a person asked for."""
_WHAT = MappingProxyType(
    {
        "denied": "denied",
        "expired": "a delivery was not finished in its time, and is offered again",
        "incomplete": "a join waited in vain",
        "loop_stopped": "sets nobody to work: too many artifacts led to it (the guard against loops)",
        "predicate_failed": "a predicate failed, so it counts as no",
        "tenancy": "would be refused if spec.isolation were Strict",
        "unreadable": "cannot be read as the newest version of its type",
    }
)


def told(event: BoardEvent, blackboard: str) -> Event | None:
    """The event for the terminal, the feed and the log; None for what nobody needs to see."""
    if event.kind in _UNTOLD:
        return None
    about: dict[str, Any] = {"blackboard": blackboard}
    match event.kind:
        case "published" if event.artifact is not None:
            artifact = event.artifact
            about |= {"artifact": artifact.id, "type": artifact.type, "correlation": artifact.correlation}
            message = f"published {artifact.type} {artifact.id}"
            return Event(event.at, "artifact.published", artifact.producer, message, about)
        case "progress":
            about["delivery"] = event.delivery
            return Event(event.at, "agent.progress", event.agent, event.message, about)
        case "dead":
            about |= {"final": True, "error": event.message, "delivery": event.delivery}
            return Event(event.at, "agent.failed", event.agent, f"gives up: {event.message}", about)
    return Event(event.at, "board.warning", event.agent or blackboard, _message(event), about | _data(event))


def _message(event: BoardEvent) -> str:
    what = _WHAT.get(event.kind, event.kind.replace("_", " "))
    subject = f"{event.artifact.type} {event.artifact.id}: " if event.artifact is not None else ""
    times = f" ({event.count} times)" if event.count > 1 else ""
    return f"{subject}{what}{f': {event.message}' if event.message else ''}{times}"


def _data(event: BoardEvent) -> dict[str, Any]:
    found = {
        "what": event.kind,
        "artifact": event.artifact.id if event.artifact is not None else "",
        "delivery": event.delivery,
        "reason": event.message,
        "role": event.identity.role if event.identity is not None else "",
    }
    return {key: value for key, value in found.items() if value} | {"count": event.count}
