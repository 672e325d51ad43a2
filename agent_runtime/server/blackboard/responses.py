"""What a blackboard answers: each body as OpenAPI shows it, and how it is made.

The models describe and are not filled: a page of artifacts is written by orjson alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi.responses import Response

from agent_runtime.api.agent import Consumes, Visibility
from agent_runtime.api.base import Model
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Delivery
from agent_runtime.blackboard.matching.checks import Check
from agent_runtime.blackboard.matching.matcher import Verdict
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.stores.records import DeadLetter, Stats
from agent_runtime.blackboard.wire.codec import dumps, to_wire


class ArtifactAnswer(Model):
    """A published artifact."""

    id: str
    type: str
    version: int
    payload: dict[str, Any]
    tags: list[str]
    partition: str | None
    visibility: Visibility
    correlation: str
    producer: str
    created_at: str
    """RFC 3339, UTC."""
    tenant: str | None
    depth: int
    """Length of the longest chain of artifacts that led to this one."""
    causes: list[str]
    """Ids of the artifacts that it was made from."""
    producer_role: Literal["agent", "user", "admin"] | None = None
    """What the producer is; left out of artifacts from before it was kept."""
    invoked: str | None = None
    """The one agent that it was published for, by name; null: for whoever consumes it."""
    traceparent: str | None = None
    """The trace that its publication is part of (W3C Trace Context); left out when there is none."""


class ArtifactsAnswer(Model):
    """Artifacts, in the order in which they were published."""

    artifacts: list[ArtifactAnswer]


class PageAnswer(ArtifactsAnswer):
    """A page of artifacts, oldest first. A page may be short, even empty, and not be the last."""

    cursor: str | None
    """Where the next page begins; null at the end."""


class InvocationAnswer(Model):
    """An agent was called directly."""

    delivery: str
    """The delivery's name."""
    artifact: ArtifactAnswer
    """The input as it was published; what comes of it has its correlation."""


class DeliveryAnswer(Model):
    """A delivery, leased."""

    id: str
    artifacts: list[ArtifactAnswer]
    attempt: int
    """1 for the first."""
    until: str
    """When the lease ends; RFC 3339, UTC."""
    sets: list[int]
    """Of a batch of joined sets: how many of the artifacts each set has, in order. Else empty."""


class DeliveriesAnswer(Model):
    """What was leased."""

    deliveries: list[DeliveryAnswer]


class SubscriptionAnswer(Model):
    """An agent, and what sets it to work."""

    agent: str
    labels: list[str]
    tenant: str | None
    consumes: list[Consumes]


class SubscriptionsAnswer(Model):
    """Who is subscribed, in order of registration."""

    subscriptions: list[SubscriptionAnswer]


class ForgottenAnswer(Model):
    """A subscription is gone, and its inbox with it."""

    deliveries: int
    """How many deliveries it had."""


class DeadLetterAnswer(Model):
    """A delivery that was given up."""

    delivery: str
    agent: str
    artifacts: list[str]
    """Ids."""
    attempts: int
    error: str
    at: str
    """RFC 3339, UTC."""


class DeadLettersAnswer(Model):
    """Deliveries that were given up, newest first."""

    dead_letters: list[DeadLetterAnswer]


class OpenedLetterAnswer(Model):
    """A delivery that was given up, with its artifacts."""

    dead_letter: DeadLetterAnswer
    artifacts: list[ArtifactAnswer]


class ReplayedAnswer(Model):
    """Dead letters that are offered again."""

    replayed: list[DeadLetterAnswer]


class DroppedAnswer(Model):
    """Dead letters are gone for good."""

    dropped: int
    """How many there were."""


class VerdictAnswer(Model):
    """What an entry of an agent's `consumes` says to an artifact."""

    entry: int
    """Index into `consumes`."""
    matches: bool
    check: Check | None
    """The first check that said no."""
    message: str


class ExplanationAnswer(Model):
    """Why an artifact sets an agent to work, or does not."""

    subscribed: bool
    entries: list[VerdictAnswer]


class AgentVerdicts(Model):
    """What the entries of one subscriber's `consumes` say."""

    agent: str
    entries: list[VerdictAnswer]


class ConsumersAnswer(Model):
    """By whom an artifact is consumed: what each subscriber says to it."""

    consumed: bool
    agents: list[AgentVerdicts]


class StatsAnswer(Model):
    """How full the board is."""

    artifacts: int
    dead_letters: int
    pending: dict[str, int]
    """Deliveries waiting or held, by agent; under isolation Strict empty for all but admins."""
    subscribers: int
    unconsumed: dict[str, int]
    """Artifacts by type that nobody consumed, since this server started; hidden as `pending` is."""


def json_response(value: dict[str, Any], status: int = 200) -> Response:
    """A response with this body."""
    return Response(dumps(value), status, media_type="application/json")


def artifacts_to_wire(artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """As ArtifactsAnswer describes it."""
    return {"artifacts": [to_wire(artifact) for artifact in artifacts]}


def delivery_to_wire(delivery: Delivery) -> dict[str, Any]:
    """As DeliveryAnswer describes it."""
    return {
        "id": delivery.id,
        "artifacts": [to_wire(artifact) for artifact in delivery.artifacts],
        "attempt": delivery.attempt,
        "until": delivery.until,
        "sets": delivery.sets,
    }


def letter_to_wire(letter: DeadLetter) -> dict[str, Any]:
    """As DeadLetterAnswer describes it."""
    return {
        "delivery": letter.delivery,
        "agent": letter.agent,
        "artifacts": letter.artifact_ids,
        "attempts": letter.attempts,
        "error": letter.error,
        "at": letter.at,
    }


def subscriber_to_wire(subscriber: Subscriber) -> dict[str, Any]:
    """As SubscriptionAnswer describes it."""
    return {
        "agent": subscriber.identity.name,
        "labels": sorted(subscriber.identity.labels),
        "tenant": subscriber.identity.tenant,
        "consumes": [entry.manifest() for entry in subscriber.consumes],
    }


def explanation_to_wire(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """As ExplanationAnswer describes it."""
    return {"subscribed": bool(verdicts), "entries": _verdicts_to_wire(verdicts)}


def consumers_to_wire(found: Mapping[str, Sequence[Verdict]]) -> dict[str, Any]:
    """As ConsumersAnswer describes it."""
    consumed = any(verdict.refused_by is None for verdicts in found.values() for verdict in verdicts)
    agents = [{"agent": agent, "entries": _verdicts_to_wire(verdicts)} for agent, verdicts in found.items()]
    return {"consumed": consumed, "agents": agents}


def _verdicts_to_wire(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "entry": verdict.entry,
            "matches": verdict.refused_by is None,
            "check": verdict.refused_by,
            "message": verdict.message,
        }
        for verdict in verdicts
    ]


def stats_to_wire(stats: Stats) -> dict[str, Any]:
    """As StatsAnswer describes it."""
    return {
        "artifacts": stats.artifacts,
        "deadLetters": stats.dead_letters,
        "pending": dict(stats.pending),
        "subscribers": stats.subscribers,
        "unconsumed": dict(stats.unconsumed),
    }
