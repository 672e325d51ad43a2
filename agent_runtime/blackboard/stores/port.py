"""The contract of a store. `tests/contract` holds every store to it.

A store decides nothing about content: types, matching and visibility are settled before. It keeps promises
about steps: each method is atomic and, once it returns, durable as far as the store can be; several
processes may share one store. Time comes from the caller.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.subscriptions import Subscribers

FINISHED_KEPT = timedelta(hours=1)
"""How long a second acknowledgement of the same lease is still answered with the first one's results."""
DEAD_LETTERS_KEPT = 10_000
"""The oldest beyond it are forgotten."""
LEASE_RAN_OUT = "the lease ran out: no sign of life from who held it"


class StoreError(Exception):
    """The store did not do it; nothing changed."""


class Unavailable(StoreError):
    """The store does not answer, or cannot write. What was asked may be asked again: steps are idempotent."""


class IdTaken(StoreError):
    """An artifact with this id and other content is there already."""

    def __init__(self, id_: str) -> None:
        super().__init__(f"artifact {id_!r} exists with other content")
        self.id = id_


class StaleSubscribers(StoreError):
    """The deliveries were worked out from an older list of subscribers: work them out again."""


class InboxFull(StoreError):
    """An agent has too many deliveries waiting."""

    def __init__(self, agent: str) -> None:
        super().__init__(f"the inbox of {agent} is full")
        self.agent = agent


class LeaseLost(StoreError):
    """The lease is not held: it ran out, was given back, or another attempt finished the delivery."""


class Finished(Exception):
    """The lease was acknowledged before; what that published is in `results`."""

    def __init__(self, results: Sequence[Artifact]) -> None:
        super().__init__("acknowledged before")
        self.results = list(results)


@dataclass(frozen=True, slots=True)
class Terms:
    """The bounds that a store keeps."""

    lease: timedelta = timedelta(seconds=30)
    """How long a delivery is held without a sign of life."""
    max_deliveries: int = 5
    """Attempts before a delivery goes to the dead letters."""
    max_pending: int = 100_000
    """Deliveries of one agent, waiting or held, beyond which publishing is refused."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be put into an agent's inbox. `name` makes it unique for all time."""

    name: str
    agent: str
    artifact_ids: tuple[str, ...]
    priority: int
    due: datetime
    """Not handed out before."""


@dataclass(frozen=True, slots=True)
class Publication:
    """An artifact and what it sets off."""

    artifact: Artifact
    deliveries: tuple[Planned, ...] = ()


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery handed out."""

    lease: LeaseId
    artifacts: tuple[Artifact, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up, and why."""

    delivery: str
    agent: str
    artifact_ids: tuple[str, ...]
    attempts: int
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Swept:
    """What time has brought about."""

    ready: tuple[str, ...] = ()
    """Agents that have something to lease which they could not lease before."""
    expired: tuple[str, ...] = ()
    """Deliveries whose lease ran out and that are offered again."""
    dead: tuple[DeadLetter, ...] = ()
    """Deliveries whose last lease ran out."""
    next_due: datetime | None = None
    """When time will next bring something about, as far as known now."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How full the board is."""

    artifacts: int
    dead_letters: int
    pending: Mapping[str, int] = field(default_factory=dict)
    """Deliveries waiting or held, by agent."""


Wake = Callable[[Sequence[str] | None], None]
"""Called when something was published, with the agents whose inboxes got something; None: any may have."""


class Store(Protocol):
    """Artifacts, subscribers, inboxes with leases, dead letters. Every method may raise Unavailable."""

    async def open(self) -> None:
        """Connect and bring the schema up to date. Before anything else."""

    async def close(self) -> None:
        """Let go of connections and files."""

    async def ping(self) -> None:
        """Return when the store can be written to."""

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        """Store artifacts and deliveries, all or nothing, and return the artifacts as stored.

        An artifact that is there with the same content is returned as it is, and sets nothing off again.
        `version` is that of the subscribers which the deliveries were worked out from.
        Raises IdTaken, StaleSubscribers, InboxFull.
        """

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        """The artifacts by id, None where there is none."""

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        """Up to `query.limit` artifacts that fit the filters, in order of publication, with positions.

        Positions are positive and grow; `after` is the position behind which to begin, 0 for the start.
        """

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> None:
        """Note a subscriber, in place of what it said before; none when it consumes nothing."""

    async def subscribers(self) -> Subscribers:
        """All subscribers at their version."""

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        """Hand out up to `limit` deliveries, by priority, then age; no other gets them until they run out."""

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        """The artifacts of a lease that is held. Raises LeaseLost, Finished."""

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        """Hold it for a whole term from `now` on; returns until when. Raises LeaseLost."""

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        """Finish the delivery and publish, in one step. A full inbox does not refuse it: work must end.

        Raises LeaseLost, Finished, IdTaken, StaleSubscribers.
        """

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        """Offer it again from `retry_at` on; as a dead letter when None or when it was the last attempt.

        Doing it twice changes nothing. Raises LeaseLost.
        """

    async def sweep(self, now: datetime) -> Swept:
        """Do what has become due: open embargoes, end waits, take back leases that ran out."""

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first."""

    async def stats(self) -> Stats:
        """How full the board is."""

    async def watch(self, wake: Wake) -> None:
        """Report what other processes publish; runs until it is cancelled."""
