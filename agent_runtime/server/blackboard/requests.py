"""The bodies that callers send to a blackboard."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from agent_runtime.api.agent import Consumes, Visibility
from agent_runtime.api.base import Model
from agent_runtime.blackboard.artifact import PUBLIC, Draft
from agent_runtime.blackboard.service.store_errors import MAX_BATCH
from agent_runtime.blackboard.wire.progress_notes import LONGEST
from agent_runtime.server.http.validation_errors import WITHOUT_NUL

LONGEST_WAIT = 60.0
MAX_CONSUMES = 32

InPath = Annotated[str, Path(min_length=1, max_length=512, pattern=WITHOUT_NUL)]
"""An id or a name in a path."""


class Body(Model):
    """A body that a server takes: built when the server starts, not with the first request.

    FastAPI builds them in a way that pydantic warns of, and silences that at the start, not later.
    """

    model_config = ConfigDict(defer_build=False)


class DraftBody(Body):
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


class BatchBody(Body):
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


class SubscribeBody(Body):
    """What sets the caller to work."""

    consumes: Annotated[list[Consumes], Field(max_length=MAX_CONSUMES)]


class LeaseBody(Body):
    """How many deliveries to hand out, and how long to wait for the first."""

    limit: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 1
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = 0.0
    """Seconds."""


class ExtendBody(Body):
    """How far the work is."""

    note: Annotated[str, Field(max_length=LONGEST)] = ""
    """One line, for those who watch."""


class AcknowledgeBody(Body):
    """What came out of the work."""

    results: Annotated[list[DraftBody], Field(max_length=MAX_BATCH)] = Field(default_factory=list)


class FailBody(Body):
    """Why the work failed, and when to try again."""

    error: Annotated[str, Field(max_length=4096), AfterValidator(lambda text: text.replace("\0", "\ufffd"))]
    retry_in: Annotated[float, Field(ge=0, le=86400)] | None = 0.0
    """Seconds; null: not again, to the dead letters."""


class DeliveriesBody(Body):
    """Which deliveries are meant, by their names."""

    deliveries: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=512, pattern=WITHOUT_NUL)]],
        Field(min_length=1, max_length=MAX_BATCH),
    ]
