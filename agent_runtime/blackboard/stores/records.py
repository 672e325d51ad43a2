"""What goes into a store and comes out of it, beside artifacts and subscribers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching.joins import Expiry, JoinSpec
from agent_runtime.blackboard.matching.subscriptions import Subscriber

FINISHED_KEPT = timedelta(hours=1)
"""How long a second acknowledgement of the same lease is still answered with the first one's results."""
DEAD_LETTERS_KEPT = 10_000
"""The oldest beyond it are forgotten."""
LEASE_RAN_OUT = "the lease ran out: no sign of life from who held it"
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a frozen delivery is due that may be handed out already."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that a store keeps."""

    lease: timedelta = timedelta(seconds=30)
    """How long a delivery is held without a sign of life."""
    max_deliveries: int = 5
    """Attempts before a delivery goes to the dead letters."""
    max_pending: int = 100_000
    """Deliveries of one agent, waiting or held, beyond which publishing is refused.

    Each item of a part-filled group is one, so that no number of join keys can fill the store.
    """


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """A delivery to be put into an agent's inbox. `name` makes it unique for all time."""

    name: str
    agent: str
    artifact_ids: tuple[str, ...]
    priority: int
    due: datetime
    """Not handed out before, and not put into its group before."""
    join: JoinSpec | None = None
    """The group whose item it is; None: it is delivered alone."""


@dataclass(frozen=True, slots=True)
class Publication:
    """An artifact and what it sets off."""

    artifact: Artifact
    deliveries: tuple[DeliveryPlan, ...] = ()


class Leased(NamedTuple):
    """A delivery handed out."""

    lease: LeaseId
    artifacts: tuple[Artifact, ...]
    until: datetime
    sets: tuple[int, ...] = ()
    """Of a batch of joined sets: how many of the artifacts each set has, in order. Else empty."""


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
class DeliverySnapshot:
    """A delivery as it stands, for another store. One that is held is offered there again."""

    plan: DeliveryPlan
    """What it is by now. `due` is until when it waits, `since` when it is gathered, else `AT_ONCE`."""
    attempt: int = 0
    base: int = 0
    """Attempts that do not count: those before it was replayed, and those that gave it back unjudged."""
    sets: tuple[int, ...] = ()
    error: str = ""
    """Why the last attempt failed, where the store keeps it."""
    since: datetime | None = None
    """When it was put into its group; None: it is in none, or not yet."""


@dataclass(frozen=True, slots=True)
class DeadLetterSnapshot:
    """A dead letter, and what a replay of it needs."""

    letter: DeadLetter
    priority: int
    sets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a board holds at one moment, but for the artifacts themselves."""

    position: int
    """Of the newest artifact: those up to it are of that moment, later ones are not."""
    subscribers: tuple[Subscriber, ...] = ()
    """In the order in which they came."""
    deliveries: tuple[DeliverySnapshot, ...] = ()
    """In the order of their places."""
    dead_letters: tuple[DeadLetterSnapshot, ...] = ()
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A join whose window passed before it was complete."""

    delivery: str
    """The name of its first item, which is that of the set."""
    agent: str
    expiry: Expiry
    """What became of its items."""
    message: str


@dataclass(frozen=True, slots=True)
class ExpiryReport:
    """What time has brought about."""

    ready: tuple[str, ...] = ()
    """Agents that have something to lease which they could not lease before."""
    expired: tuple[str, ...] = ()
    """Deliveries whose lease ran out and that are offered again."""
    dead: tuple[DeadLetter, ...] = ()
    """Deliveries whose last lease ran out, and joins that ended incomplete."""
    incomplete: tuple[Incomplete, ...] = ()
    """Joins whose window passed; those that became dead letters too."""
    next_due: datetime | None = None
    """When time will next bring something about, as far as known now."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How full the board is."""

    artifacts: int
    dead_letters: int
    pending: Mapping[str, int] = field(default_factory=dict)
    """Deliveries waiting or held, by agent; items of part-filled groups among them."""
    subscribers: int = 0
    unconsumed: Mapping[str, int] = field(default_factory=dict)
    """Artifacts by type that nobody consumed when they were published, since this server started."""
