"""A board in the memory of one process: for tests, for trying things out. A restart forgets everything."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import subscriptions
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.codec import same_content
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.filters import fits
from agent_runtime.blackboard.stores.inboxes import Inboxes
from agent_runtime.blackboard.stores.port import (
    DeadLetter,
    Finished,
    IdTaken,
    Leased,
    Publication,
    StaleSubscribers,
    Stats,
    Swept,
    Terms,
    Wake,
)
from agent_runtime.blackboard.subscriptions import Subscriber, Subscribers


class MemoryStore:
    """See `stores.port.Store`. Atomic because nothing in it waits."""

    def __init__(self, terms: Terms) -> None:
        self._artifacts: list[Artifact] = []
        self._position: dict[str, int] = {}
        self._by_type: dict[str, list[int]] = {}
        self._by_correlation: dict[str, list[int]] = {}
        self._subscribers: dict[str, tuple[bytes, Subscriber]] = {}
        self._version = 0
        self._order = 0
        self._inboxes = Inboxes(terms)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def ping(self) -> None:
        """Memory always answers."""

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        stored, new = self._compare(publications, version)
        self._inboxes.check_room([plan for publication in new for plan in publication.deliveries])
        self._insert(new)
        return stored

    def _compare(
        self, publications: Sequence[Publication], version: int
    ) -> tuple[list[Artifact], list[Publication]]:
        """What will stand in the store for each publication, and those that are new."""
        stored, new = [], []
        for publication in publications:
            known = self._find(publication.artifact.id)
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
            artifact = publication.artifact
            self._artifacts.append(artifact)
            position = len(self._artifacts)
            self._position[artifact.id] = position
            self._by_type.setdefault(artifact.type, []).append(position)
            if artifact.correlation != artifact.id:  # the root of a correlation is found by its own id
                self._by_correlation.setdefault(artifact.correlation, []).append(position)
            for plan in publication.deliveries:
                self._inboxes.put(plan, artifact.created_at)

    def _find(self, id_: str) -> Artifact | None:
        position = self._position.get(id_)
        return None if position is None else self._artifacts[position - 1]

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        return [self._find(id_) for id_ in ids]

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        found = (
            (position, artifact)
            for position in self._candidates(query, after)
            if fits(artifact := self._artifacts[position - 1], query)
        )
        return list(islice(found, query.limit))

    def _candidates(self, query: Query, after: int) -> Iterable[int]:
        """Positions behind `after`, by the most selective index that the query allows."""
        if query.correlation is not None:
            positions = self._by_correlation.get(query.correlation, [])
            root = self._position.get(query.correlation)
            if root is not None:
                positions = sorted([root, *positions])
        elif query.type is not None:
            positions = self._by_type.get(query.type, [])
        else:
            return range(after + 1, len(self._artifacts) + 1)
        return islice(positions, bisect_right(positions, after), None)

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> None:
        document = subscriptions.encode(identity, consumes)
        known = self._subscribers.get(identity.name)
        if known is not None and known[0] == document:
            return
        if consumes:
            self._order += 1
            order = known[1].order if known else self._order
            self._subscribers[identity.name] = (document, subscriptions.decode(document, order))
        elif known is not None:
            del self._subscribers[identity.name]
        else:
            return
        self._version += 1

    async def subscribers(self) -> Subscribers:
        return Subscribers(self._version, tuple(member for _, member in self._subscribers.values()))

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        return [
            Leased(lease, tuple(self._artifacts[self._position[id_] - 1] for id_ in ids), until)
            for lease, ids, until in self._inboxes.lease(agent, limit, now)
        ]

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        self._raise_if_finished(lease)
        return self._all(self._inboxes.held(lease, now))

    def _raise_if_finished(self, lease: LeaseId) -> None:
        results = self._inboxes.results(lease)
        if results is not None:
            raise Finished(self._all(results))

    def _all(self, ids: Iterable[str]) -> list[Artifact]:
        return [artifact for id_ in ids if (artifact := self._find(id_)) is not None]

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        return self._inboxes.extend(lease, now)

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        self._raise_if_finished(lease)
        self._inboxes.held(lease, now)
        stored, new = self._compare(publications, version)
        self._inboxes.finish(lease, tuple(artifact.id for artifact in stored), now)
        self._insert(new)
        return stored

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        return self._inboxes.fail(lease, error, retry_at, now)

    async def sweep(self, now: datetime) -> Swept:
        return self._inboxes.sweep(now)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        return list(islice(reversed(self._inboxes.dead.values()), limit))

    async def stats(self) -> Stats:
        return Stats(len(self._artifacts), len(self._inboxes.dead), dict(self._inboxes.pending))

    async def watch(self, wake: Wake) -> None:
        """There are no other processes."""
        await asyncio.Event().wait()
