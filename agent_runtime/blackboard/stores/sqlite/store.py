"""A board in one SQLite file: durable (WAL, synchronous=FULL), for one machine."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching.subscriptions import Subscribers
from agent_runtime.blackboard.stores.delivery.overdue import Ahead
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
from agent_runtime.blackboard.stores.sqlite import (
    artifacts,
    dead_letters,
    leases,
    retention,
    snapshots,
    stats,
    subscribers,
    timers,
)
from agent_runtime.blackboard.stores.sqlite.inboxes import due
from agent_runtime.blackboard.stores.sqlite.schema import failure, migrate
from agent_runtime.storage.sqlite import SqliteThread


class SqliteStore:
    """See `stores.port.Store`."""

    waits = True

    def __init__(self, path: Path, terms: Limits) -> None:
        self._thread = SqliteThread(path, migrate, failure)
        self._terms = terms
        self._ahead = Ahead()

    async def open(self) -> None:
        await self._thread.start()

    async def close(self) -> None:
        await self._thread.stop()

    async def ping(self) -> None:
        """A write that changes nothing, but goes to the disk: that it is full or read-only is found out."""
        # SQLite does not write a row that stays as it is; the header of the file it does
        await self._thread.write(lambda db: db.pragma("user_version", db.pragma("user_version")))
        await self._thread.read(subscribers.raise_if_restoring)

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        bound = self._terms.max_pending

        async def step() -> list[Artifact]:
            return await self._thread.write(lambda db: artifacts.publish(db, publications, version, bound))

        return await self._ahead.take(step, self._sweep)

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        return await self._thread.read(lambda db: artifacts.get(db, ids))

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        return await self._thread.read(lambda db: artifacts.scan(db, query, after))

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> bool:
        return await self._thread.write(lambda db: subscribers.register(db, identity, consumes))

    async def subscribers(self) -> Subscribers:
        return await self._thread.read(subscribers.subscribers)

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        return await self._thread.write(lambda db: leases.lease(db, agent, limit, now, self._terms))

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        return await self._thread.read(lambda db: leases.held(db, lease, now))

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        return await self._thread.write(lambda db: leases.extend(db, lease, now, self._terms))

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        async def step() -> list[Artifact]:
            return await self._thread.write(
                lambda db: leases.acknowledge(db, lease, publications, version, now)
            )

        return await self._ahead.take(step, self._sweep)

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        return await self._thread.write(lambda db: leases.fail(db, lease, error, retry_at, now, self._terms))

    async def release(self, lease: LeaseId, now: datetime) -> bool:
        return await self._thread.write(lambda db: leases.release(db, lease, now))

    async def sweep(self, now: datetime) -> ExpiryReport:
        return self._ahead.reported(await self._sweep(now))

    async def _sweep(self, now: datetime) -> ExpiryReport:
        if not await self._thread.read(lambda db: due(db, now)):
            return ExpiryReport(next_due=await self._thread.read(timers.next_due))
        return await self._thread.write(lambda db: timers.sweep(db, now, self._terms))

    async def forget(self, agent: str) -> int:
        return await self._thread.write(lambda db: subscribers.forget(db, agent))

    async def dead_letter(self, delivery: str) -> DeadLetter | None:
        return await self._thread.read(lambda db: dead_letters.dead_letter(db, delivery))

    async def dead_letters(self, limit: int, agent: str | None = None) -> list[DeadLetter]:
        return await self._thread.read(lambda db: dead_letters.dead_letters(db, limit, agent))

    async def replay(self, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
        return await self._thread.write(lambda db: dead_letters.replay(db, deliveries, now))

    async def drop(self, deliveries: Sequence[str]) -> int:
        return await self._thread.write(lambda db: dead_letters.drop(db, deliveries))

    async def prune(self, before: datetime | None, keep: int | None, limit: int) -> int:
        return await self._thread.write(lambda db: retention.prune(db, before, keep, limit))

    async def exists(self) -> bool:
        return True

    async def snapshot(self) -> Snapshot:
        return await self._thread.read(snapshots.snapshot)

    async def begin_restore(self) -> int:
        return await self._thread.write(snapshots.begin_restore)

    async def restore(self, frozen: Snapshot) -> None:
        await self._thread.write(lambda db: snapshots.restore(db, frozen))

    async def stats(self) -> Stats:
        return await self._thread.read(stats.stats)

    async def watch(self, wake: Wake) -> None:
        """One process owns the file; another one's writes would be seen by the next look at it."""
        await asyncio.Event().wait()
