"""The contract of a store. `tests/contract` holds every store to it.

A store decides nothing about content: types, matching and visibility are settled before. It keeps promises
about steps: each method is atomic and, once it returns, durable as far as the store can be; several
processes may share one store. Time comes from the caller.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching.subscriptions import Subscribers
from agent_runtime.blackboard.stores.records import (
    DeadLetter,
    ExpiryReport,
    Leased,
    Publication,
    Snapshot,
    Stats,
)

Wake = Callable[[Sequence[str] | None], None]
"""Called when something was published, with the agents whose inboxes got something; None: any may have."""


class Store(Protocol):
    """Artifacts, subscribers, inboxes with leases, dead letters. Every method may raise Unavailable."""

    waits: bool
    """Whether its steps wait for something, so that who takes one may be cancelled before it has ended."""

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

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> bool:
        """Note a subscriber, in place of what it said before; none when it consumes nothing.

        Returns whether that is anything new.
        """

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

    async def release(self, lease: LeaseId, now: datetime) -> bool:
        """Offer it again, now, as if it had not been handed out: the attempt does not count.

        But numbers of attempts go on, so that the lease stays lost. Doing it twice changes nothing, and
        neither does it once the attempt has failed: then the answer is False. Raises LeaseLost.
        """

    async def sweep(self, now: datetime) -> ExpiryReport:
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

    async def exists(self) -> bool:
        """Whether the store has any trace of the board, if only of a server that has pinged it.

        Asking leaves none. A file, and a process, are one board: there it is. Raises Unavailable.
        """

    async def snapshot(self) -> Snapshot:
        """What the board holds at one moment. Raises Restoring."""

    async def begin_restore(self) -> int:
        """Shut the board for all but the restore, until `restore`; returns the version to publish with.

        From now on `ping`, `subscribers`, `register`, `prune` and `snapshot` raise Restoring. Doing it again
        changes nothing. Raises NotEmpty.
        """

    async def restore(self, frozen: Snapshot) -> None:
        """Take in what was frozen, all at once, and open the board; its artifacts were published before.

        Raises NotEmpty when there are subscribers, deliveries or dead letters.
        """

    async def stats(self) -> Stats:
        """How full the board is."""

    async def watch(self, wake: Wake) -> None:
        """Report what other processes publish; runs until it is cancelled."""
