"""The board as an agent or a user sees it: one port, in process or over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.artifact import Artifact, Draft


@dataclass(frozen=True, slots=True)
class Delivery:
    """Artifacts that an agent is to work on. It must be acknowledged, failed or extended before `until`."""

    id: str
    artifacts: tuple[Artifact, ...]
    attempt: int
    """How often it has been handed out: 1 for the first. Not all of them need to count as failed."""
    until: datetime
    """When the lease ends and another may get it."""
    sets: tuple[int, ...] = ()
    """Of a batch of joined sets: how many of the artifacts each set has, in order. Else empty."""


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of a query; all that are set must hold."""

    type: str | None = None
    correlation: str | None = None
    producer: str | None = None
    tag: str | None = None
    partition: str | None = None
    since: datetime | None = None
    """Made at this time or later."""
    until: datetime | None = None
    """Made before this time."""
    limit: int = 100
    cursor: str | None = None
    """Where the last page ended; None: from the oldest."""


@dataclass(frozen=True, slots=True)
class Page:
    """Artifacts, oldest first, and where to go on; `cursor` is None at the end."""

    artifacts: tuple[Artifact, ...]
    cursor: str | None = None


class BoardError(Exception):
    """The board refused. `code` is stable for programs, `status` is the HTTP status it has over the wire."""

    retry_after: float | None = None
    """Seconds after which its server wants to be asked again."""

    def __init__(
        self, code: str, message: str, *, status: int, details: Sequence[dict[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = tuple(details)


class Board(Protocol):
    """A board for one identity. Every call may raise BoardError."""

    async def publish(self, drafts: Sequence[Draft]) -> list[Artifact]:
        """Publish all or none; durable when it returns."""

    async def get(self, artifact_id: str) -> Artifact | None:
        """One artifact; None when there is none that this identity may see."""

    async def query(self, query: Query) -> Page:
        """Artifacts that this identity may see."""

    async def subscribe(self, consumes: Sequence[Consumes]) -> None:
        """Say what sets this agent to work; replaces what was said before. Deliveries begin from then on."""

    async def lease(self, limit: int, wait: float) -> list[Delivery]:
        """Up to `limit` deliveries for this agent, waiting up to `wait` seconds for the first."""

    async def extend(self, delivery_id: str, note: str = "") -> None:
        """Heartbeat: the lease begins anew. `note` says how far the work is, for those who watch.

        A note is one line of at most 256 characters.
        """

    async def acknowledge(self, delivery_id: str, results: Sequence[Draft]) -> list[Artifact]:
        """Publish the results and finish the delivery, in one step; doing it twice changes nothing."""

    async def fail(self, delivery_id: str, error: str, *, retry_in: float | None = 0.0) -> None:
        """Give it back: again after `retry_in` seconds, or to the dead letters when None."""

    async def release(self, delivery_id: str) -> None:
        """Give it back without a judgement: it is offered again at once, and the attempt does not count."""
