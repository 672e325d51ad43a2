"""The bodies of the blackboard's HTTP API."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from agent_runtime.api.agent import Consumes, Visibility
from agent_runtime.api.base import Model
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft
from agent_runtime.blackboard.board import Delivery
from agent_runtime.blackboard.codec import to_wire
from agent_runtime.blackboard.refusals import MAX_BATCH
from agent_runtime.blackboard.stores.port import DeadLetter

LONGEST_WAIT = 60.0


class DraftBody(Model):
    """An artifact to publish."""

    type: str
    payload: dict[str, Any]
    id: str | None = None
    """Makes publishing idempotent; none: the server makes one."""
    version: int | None = None
    """Version of the type; none: the newest."""
    tags: list[str] = Field(default_factory=list)
    partition: str | None = None
    visibility: Visibility | None = None
    """Who may see it; none: everybody."""
    correlation: str | None = None

    def draft(self) -> Draft:
        """As the board takes it."""
        return Draft(
            type=self.type,
            payload=self.payload,
            id=self.id,
            version=self.version,
            tags=tuple(self.tags),
            partition=self.partition,
            visibility=self.visibility or PUBLIC,
            correlation=self.correlation,
        )


class BatchBody(Model):
    """Artifacts to publish in one step."""

    artifacts: Annotated[list[DraftBody], Field(min_length=1, max_length=MAX_BATCH)]


def _one_or_many(body: object) -> str:
    return (
        "<batch>"
        if isinstance(body, BatchBody) or (isinstance(body, dict) and "artifacts" in body)
        else "<one>"
    )


PublishBody = Annotated[
    Annotated[DraftBody, Tag("<one>")] | Annotated[BatchBody, Tag("<batch>")], Discriminator(_one_or_many)
]


class SubscriptionsBody(Model):
    """What sets the caller to work."""

    consumes: Annotated[list[Consumes], Field(max_length=32)]


class LeaseBody(Model):
    """How many deliveries to hand out, and how long to wait for the first."""

    limit: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 1
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = 0.0
    """Seconds."""


class AcknowledgeBody(Model):
    """What came out of the work."""

    results: Annotated[list[DraftBody], Field(max_length=MAX_BATCH)] = Field(default_factory=list)


class FailBody(Model):
    """Why the work failed, and when to try again."""

    error: Annotated[str, Field(max_length=4096)]
    retry_in: Annotated[float, Field(ge=0, le=86400)] | None = 0.0
    """Seconds; null: not again, to the dead letters."""


class ArtifactBody(Model):
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
    causes: list[str]


class ArtifactsBody(Model):
    """Artifacts, oldest first."""

    artifacts: list[ArtifactBody]
    cursor: str | None = None
    """Where the next page begins; none at the end."""


class DeliveryBody(Model):
    """A delivery, leased."""

    id: str
    artifacts: list[ArtifactBody]
    attempt: int
    until: str
    """RFC 3339, UTC."""


class DeliveriesBody(Model):
    """What was leased."""

    deliveries: list[DeliveryBody]


def artifacts_to_wire(artifacts: list[Artifact] | tuple[Artifact, ...]) -> dict[str, Any]:
    """As ArtifactsBody describes it."""
    return {"artifacts": [to_wire(artifact) for artifact in artifacts]}


def delivery_to_wire(delivery: Delivery) -> dict[str, Any]:
    """As DeliveryBody describes it."""
    return {
        "id": delivery.id,
        "artifacts": [to_wire(artifact) for artifact in delivery.artifacts],
        "attempt": delivery.attempt,
        "until": delivery.until,
    }


def letter_to_wire(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter."""
    return {
        "delivery": letter.delivery,
        "agent": letter.agent,
        "artifacts": letter.artifact_ids,
        "attempts": letter.attempts,
        "error": letter.error,
        "at": letter.at,
    }
