"""What a process of a run came to: the run's end, or what it waits for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from agent_runtime.models.port import NO_USAGE, Usage

WaitsFor = Literal["Approval", "Time", "Map"]


def rfc3339(time: datetime) -> str:
    """As Kubernetes writes times: UTC, whole seconds."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """How far a node came."""

    name: str
    """Its path."""
    state: str
    """Running, Waiting, Succeeded, Failed, or Cancelled: it had not ended when its run did."""
    action: str | None = None
    visits: int = 0
    attempts: int | None = None
    """Of the last visit, when there was more than one."""
    started_at: str | None = None
    """When the last visit began, RFC 3339."""
    finished_at: str | None = None
    """When it ended; None while it is under way."""
    answered_by: str | None = None
    """Who gave the answer that its last visit took."""

    def wire(self) -> dict[str, Any]:
        """As JSON, without what is not known."""
        body = {
            "name": self.name,
            "state": self.state,
            "action": self.action,
            "visits": self.visits,
            "attempts": self.attempts,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "answeredBy": self.answered_by,
        }
        return {key: value for key, value in body.items() if value is not None}

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> "NodeOutcome":
        """The inverse."""
        return cls(
            body["name"],
            body["state"],
            body.get("action"),
            body.get("visits", 0),
            body.get("attempts"),
            body.get("startedAt"),
            body.get("finishedAt"),
            body.get("answeredBy"),
        )

    def at_end(self, at: str | None) -> "NodeOutcome":
        """As the node stands when its run has ended, at a time in RFC 3339 if it is known."""
        if self.state not in ("Running", "Waiting"):
            return self
        return replace(self, state="Cancelled", finished_at=at)


def wire_at_end(nodes: Iterable[Mapping[str, Any]], at: str | None) -> list[dict[str, Any]]:
    """The nodes of a run that has ended, as JSON: none is left Running or Waiting."""
    return [NodeOutcome.from_wire(node).at_end(at).wire() for node in nodes]


@dataclass(frozen=True, slots=True)
class RunError:
    """Why the run failed. `node` is its path, empty when it was no node's fault."""

    node: str
    message: str
    kind: str = ""
    """The type of the exception that a user's function raised; empty when none did."""
    trace: str = ""
    """Its traceback, bounded."""

    def wire(self) -> dict[str, str]:
        """As JSON, without what is not known."""
        body = {"node": self.node, "message": self.message}
        more = {"type": self.kind, "traceback": self.trace}
        return body | {key: value for key, value in more.items() if value}

    @classmethod
    def from_wire(cls, body: Mapping[str, str]) -> "RunError":
        """The inverse."""
        return cls(body["node"], body["message"], body.get("type", ""), body.get("traceback", ""))


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the run waits for; the next process goes on at that node."""

    for_: WaitsFor
    node: str
    """Its path."""
    visit: int = 1
    prompt: str | None = None
    """Approval: what a person is asked."""
    actions: tuple[str, ...] | None = None
    """Approval: what the person may answer."""
    until: str | None = None
    """Time: when the wait is over; Approval: when it is in vain. RFC 3339."""
    count: int | None = None
    """Map: how many items there are; indices from 0."""
    parallelism: int | None = None
    """Map: how many at once."""
    generation: int | None = None
    """Map: under which generation of the run the items record their results."""

    def wire(self) -> dict[str, Any]:
        """As JSON, without what does not apply."""
        body = {
            "for": self.for_,
            "node": self.node,
            "visit": self.visit,
            "prompt": self.prompt,
            "actions": None if self.actions is None else list(self.actions),
            "until": self.until,
            "count": self.count,
            "parallelism": self.parallelism,
            "generation": self.generation,
        }
        return {key: value for key, value in body.items() if value is not None}

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> "Waiting":
        """The inverse."""
        actions = body.get("actions")
        return cls(
            body["for"],
            body["node"],
            body["visit"],
            body.get("prompt"),
            None if actions is None else tuple(actions),
            body.get("until"),
            body.get("count"),
            body.get("parallelism"),
            body.get("generation"),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process of a run came to."""

    result: Any = None
    """JSON."""
    nodes: tuple[NodeOutcome, ...] = ()
    """Those visited, in the order of their first visit, by earlier processes too."""
    usage: Usage = NO_USAGE
    """Of all processes of the run."""
    error: RunError | None = None
    waiting: Waiting | None = None
    """Set when the run has not ended."""
    resumed_from: str | None = None
    """The node at which this process began, when that was not the start."""
    note: str = ""
    """How the run ended, when it did by an action that nobody gave a next."""

    @property
    def succeeded(self) -> bool:
        """Whether the run came to a result."""
        return self.error is None and self.waiting is None

    def wire(self) -> dict[str, Any]:
        """As JSON, in full."""
        body: dict[str, Any] = {
            "result": self.result,
            "nodes": [node.wire() for node in self.nodes],
            "usage": usage_wire(self.usage),
        }
        if self.error is not None:
            body["error"] = self.error.wire()
        if self.waiting is not None:
            body["waiting"] = self.waiting.wire()
        if self.resumed_from is not None:
            body["resumedFrom"] = self.resumed_from
        if self.note:
            body["note"] = self.note
        return body

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> "Outcome":
        """The inverse."""
        error, waiting = body.get("error"), body.get("waiting")
        return cls(
            body["result"],
            tuple(map(NodeOutcome.from_wire, body["nodes"])),
            usage_from(body["usage"]),
            None if error is None else RunError.from_wire(error),
            None if waiting is None else Waiting.from_wire(waiting),
            body.get("resumedFrom"),
            body.get("note", ""),
        )


def usage_wire(usage: Usage) -> dict[str, int]:
    """Tokens as JSON."""
    return {"inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}


def usage_from(body: Mapping[str, int]) -> Usage:
    """The inverse."""
    return Usage(body.get("inputTokens", 0), body.get("outputTokens", 0))
