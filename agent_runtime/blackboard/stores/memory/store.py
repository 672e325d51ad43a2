"""A board in the memory of one process: for tests, for trying things out. A restart forgets everything."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.subscriptions import Subscriber, Subscribers
from agent_runtime.blackboard.stores.delivery.overdue import Ahead, gathers_at
from agent_runtime.blackboard.stores.errors import Finished, IdTaken, NotEmpty, Restoring, StaleSubscribers
from agent_runtime.blackboard.stores.memory.artifacts import Artifacts
from agent_runtime.blackboard.stores.memory.inboxes import Inboxes
from agent_runtime.blackboard.stores.port import Wake
from agent_runtime.blackboard.stores.records import (
    DeadLetter,
    ExpiryReport,
    Leased,
    Limits,
    Publication,
    Snapshot,
    Stats,
)
from agent_runtime.blackboard.wire.codec import same_content


class MemoryStore:
    """See `stores.port.Store`. Atomic because nothing in it waits."""

    waits = False

    def __init__(self, terms: Limits) -> None:
        self._artifacts = Artifacts()
        self._subscribers: dict[str, tuple[bytes, Subscriber]] = {}
        self._version = 0
        self._order = 0
        self._inboxes = Inboxes(terms)
        self._ahead = Ahead()

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def ping(self) -> None:
        """Memory always answers."""
        self._raise_if_restoring()

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        async def step() -> list[Artifact]:
            return self._publish(publications, version)

        return await self._ahead.take(step, self._sweep)

    def _publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        stored, new = self._compare(publications, version)
        self._raise_if_overdue(new)
        self._inboxes.check_room([plan for publication in new for plan in publication.deliveries])
        self._insert(new)
        return stored

    def _compare(
        self, publications: Sequence[Publication], version: int
    ) -> tuple[list[Artifact], list[Publication]]:
        """What will stand in the store for each publication, and those that are new."""
        stored, new = [], []
        for publication in publications:
            known = self._artifacts.find(publication.artifact.id)
            if known is None:
                new.append(publication)
            elif not same_content(known, publication.artifact):
                raise IdTaken(known.id)
            stored.append(known or publication.artifact)
        if new and version != self._version:
            raise StaleSubscribers
        return stored, new

    def _insert(self, publications: Iterable[Publication]) -> None:
        for publication in publications:
            self._artifacts.add(publication.artifact)
            for plan in publication.deliveries:
                self._inboxes.put(plan, publication.artifact.created_at)

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        return [self._artifacts.find(id_) for id_ in ids]

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        return self._artifacts.scan(query, after)

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> bool:
        self._raise_if_restoring()
        document = subscriptions.encode(identity, consumes)
        known = self._subscribers.get(identity.name)
        if known is not None and known[0] == document:
            return False
        if consumes:
            self._order += 1
            order = known[1].order if known else self._order
            self._subscribers[identity.name] = (document, subscriptions.decode(document, order))
        elif known is not None:
            del self._subscribers[identity.name]
        else:
            return False
        self._version += 1
        return True

    async def subscribers(self) -> Subscribers:
        self._raise_if_restoring()
        return Subscribers(self._version, tuple(member for _, member in self._subscribers.values()))

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        return [
            Leased(
                LeaseId(waiting.plan.name, waiting.attempt),
                tuple(self._artifacts.existing(waiting.plan.artifact_ids)),
                until,
                waiting.sets,
            )
            for waiting, until in self._inboxes.lease(agent, limit, now)
        ]

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        self._raise_if_finished(lease)
        return self._artifacts.existing(self._inboxes.held(lease, now))

    def _raise_if_finished(self, lease: LeaseId) -> None:
        results = self._inboxes.results(lease)
        if results is not None:
            raise Finished(self._artifacts.existing(results))

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        return self._inboxes.extend(lease, now)

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        async def step() -> list[Artifact]:
            return self._acknowledge(lease, publications, version, now)

        return await self._ahead.take(step, self._sweep)

    def _acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        self._raise_if_finished(lease)
        self._inboxes.held(lease, now)
        stored, new = self._compare(publications, version)
        self._raise_if_overdue(new)
        self._inboxes.finish(lease, tuple(artifact.id for artifact in stored), now)
        self._insert(new)
        return stored

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        return self._inboxes.fail(lease, error, retry_at, now)

    async def release(self, lease: LeaseId, now: datetime) -> bool:
        return self._inboxes.release(lease, now)

    async def sweep(self, now: datetime) -> ExpiryReport:
        return self._ahead.reported(await self._sweep(now))

    async def _sweep(self, now: datetime) -> ExpiryReport:
        return self._inboxes.sweep(now)

    def _raise_if_overdue(self, publications: Sequence[Publication]) -> None:
        at = gathers_at(publications)
        if at is not None:
            self._inboxes.raise_if_overdue(at)

    async def forget(self, agent: str) -> int:
        if self._subscribers.pop(agent, None) is not None:
            self._version += 1
        return self._inboxes.forget(agent)

    async def dead_letters(self, limit: int, agent: str | None = None) -> list[DeadLetter]:
        return self._inboxes.dead.newest(limit, agent)

    async def dead_letter(self, delivery: str) -> DeadLetter | None:
        return self._inboxes.dead.get(delivery)

    async def replay(self, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
        return self._inboxes.replay(deliveries, now)

    async def drop(self, deliveries: Sequence[str]) -> int:
        return len(self._inboxes.dead.take(deliveries))

    async def prune(self, before: datetime | None, keep: int | None, limit: int) -> int:
        self._raise_if_restoring()
        return self._artifacts.prune(before, keep, limit, self._inboxes.needed())

    async def exists(self) -> bool:
        return True

    async def snapshot(self) -> Snapshot:
        return Snapshot(
            self._artifacts.position,
            (await self.subscribers()).members,
            self._inboxes.snapshot(),
            self._inboxes.dead.snapshot(),
        )

    async def begin_restore(self) -> int:
        if self._version >= 0:
            if len(self._artifacts):
                raise NotEmpty
            self._raise_if_fed()
            self._version = -self._version - 1
        return self._version

    async def restore(self, frozen: Snapshot) -> None:
        self._raise_if_fed()
        self._version = -self._version if self._version < 0 else self._version + 1
        for member in frozen.subscribers:
            self._order += 1
            document = subscriptions.encode(member.identity, member.consumes)
            self._subscribers[member.identity.name] = (document, replace(member, order=self._order))
        self._inboxes.restore(frozen.deliveries)
        self._inboxes.dead.restore(frozen.dead_letters)

    def _raise_if_restoring(self) -> None:
        """A restore makes the version negative; what it published itself has that version."""
        if self._version < 0:
            raise Restoring

    def _raise_if_fed(self) -> None:
        if self._subscribers or self._inboxes.pending or len(self._inboxes.dead):
            raise NotEmpty

    async def stats(self) -> Stats:
        return Stats(
            len(self._artifacts),
            len(self._inboxes.dead),
            dict(self._inboxes.pending),
            len(self._subscribers),
        )

    async def watch(self, wake: Wake) -> None:
        """There are no other processes."""
        await asyncio.Event().wait()
