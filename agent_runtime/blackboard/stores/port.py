"""The contract of a store. `tests/contract` holds every store to it.

A store decides nothing about content: types, matching and visibility are settled before. It keeps promises
about steps: each method is atomic and, once it returns, durable as far as the store can be; several
processes may share one store. Time comes from the caller.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.gathering import Expiry, Gathering
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.subscriptions import Subscriber, Subscribers

FINISHED_KEPT = timedelta(hours=1)
"""How long a second acknowledgement of the same lease is still answered with the first one's results."""
DEAD_LETTERS_KEPT = 10_000
"""The oldest beyond it are forgotten."""
LEASE_RAN_OUT = "the lease ran out: no sign of life from who held it"
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a frozen delivery is due that may be handed out already."""


class StoreError(Exception):
    """The store did not do it; nothing changed."""


class Unavailable(StoreError):
    """The store does not answer, or cannot write. What was asked may be asked again: steps are idempotent."""


class Restoring(Unavailable):
    """A restore of this board began and has not ended: nobody is fed from it, and nobody publishes."""

    def __init__(self) -> None:
        super().__init__(
            "a restore of this board began and has not ended: finish it with --resume and the same file,"
            " or restore into an empty store"
        )


class NotEmpty(StoreError):
    """The board holds something already: it cannot take in what was frozen."""

    def __init__(self) -> None:
        super().__init__(
            "the board is not empty: restore into one without artifacts, subscribers or deliveries"
        )


class IdTaken(StoreError):
    """An artifact with this id and other content is there already."""

    def __init__(self, id_: str) -> None:
        super().__init__(f"artifact {id_!r} exists with other content")
        self.id = id_


class StaleSubscribers(StoreError):
    """The deliveries were worked out from an older list of subscribers: work them out again."""


class InboxFull(StoreError):
    """An agent has too many deliveries waiting, items of part-filled groups among them."""

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
    """Deliveries of one agent, waiting or held, beyond which publishing is refused.

    Each item of a part-filled group is one, so that no number of join keys can fill the store.
    """


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be put into an agent's inbox. `name` makes it unique for all time."""

    name: str
    agent: str
    artifact_ids: tuple[str, ...]
    priority: int
    due: datetime
    """Not handed out before, and not put into its group before."""
    gathering: Gathering | None = None
    """The group whose item it is; None: it is delivered alone."""


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
class Kept:
    """A delivery as it stands, for another store. One that is held is offered there again."""

    plan: Planned
    """What it is by now. `due` is until when it waits, `since` when it is gathered, else `AT_ONCE`."""
    attempt: int = 0
    base: int = 0
    """Attempts before it was replayed, which do not count any more."""
    sets: tuple[int, ...] = ()
    error: str = ""
    """Why the last attempt failed, where the store keeps it."""
    since: datetime | None = None
    """When it was put into its group; None: it is in none, or not yet."""


@dataclass(frozen=True, slots=True)
class Buried:
    """A dead letter, and what a replay of it needs."""

    letter: DeadLetter
    priority: int
    sets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Frozen:
    """All that a board holds at one moment, but for the artifacts themselves."""

    position: int
    """Of the newest artifact: those up to it are of that moment, later ones are not."""
    subscribers: tuple[Subscriber, ...] = ()
    """In the order in which they came."""
    deliveries: tuple[Kept, ...] = ()
    """In the order of their places."""
    dead_letters: tuple[Buried, ...] = ()
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
class Swept:
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
        """Do what has become due: open embargoes, end waits, take back leases that ran out, end windows.

        What an embargo held back for a group is put into it, as if it came now. What falls on one instant
        is done in the order of publication.
        """

    async def forget(self, agent: str) -> int:
        """Remove a subscriber with its inbox and its part-filled groups; returns how many deliveries went.

        Its dead letters stay. A lease that is held is lost.
        """

    async def dead_letters(self, limit: int, agent: str | None = None) -> list[DeadLetter]:
        """The newest dead letters, newest first; those of one agent only when named."""

    async def dead_letter(self, delivery: str) -> DeadLetter | None:
        """The dead letter of this delivery; None when there is none."""

    async def replay(self, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
        """Offer dead letters again, now, all or none, and return them; those that are none are left out.

        Attempts go on counting, so that a lease of before stays lost, and it has `max_deliveries` more.
        Each comes last among those of its priority. A full inbox does not refuse them.
        """

    async def drop(self, deliveries: Sequence[str]) -> int:
        """Delete dead letters for good; returns how many there were."""

    async def prune(self, before: datetime | None, keep: int | None, limit: int) -> int:
        """Delete up to `limit` of the oldest artifacts; returns how many: `limit` when there may be more.

        Those go that were made before `before`, and those beyond the `keep` newest. What a delivery, a group
        or a dead letter still needs stays, however old, and is not waited for: younger ones behind it go.
        Positions of those that stay do not change.
        """

    async def freeze(self) -> Frozen:
        """What the board holds at one moment. Raises Restoring."""

    async def begin_restore(self) -> int:
        """Shut the board for all but the restore, until `thaw`; returns the version to publish with.

        From now on `ping`, `subscribers`, `register`, `prune` and `freeze` raise Restoring. Doing it again
        changes nothing. Raises NotEmpty.
        """

    async def thaw(self, frozen: Frozen) -> None:
        """Take in what was frozen, all at once, and open the board; its artifacts were published before.

        Raises NotEmpty when there are subscribers, deliveries or dead letters.
        """

    async def stats(self) -> Stats:
        """How full the board is."""

    async def watch(self, wake: Wake) -> None:
        """Report what other processes publish; runs until it is cancelled."""
