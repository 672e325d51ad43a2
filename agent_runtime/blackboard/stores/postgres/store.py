"""A board in Postgres, shared by any number of server processes. The tables are in the schema `covey_board`.

What is published and acknowledged at the same time shares a transaction (`transactions`), and publishers
on one board go one after the other, so that whoever follows the positions misses nothing, and nobody else
changes a group (`joins`). Servers wake each other by LISTEN and NOTIFY: a pooler between them
and Postgres must keep sessions.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.subscriptions import Subscribers
from agent_runtime.blackboard.stores.delivery.overdue import Ahead
from agent_runtime.blackboard.stores.delivery.settlement import Completion, Outcome, Step
from agent_runtime.blackboard.stores.errors import Finished, LeaseLost, Restoring, StoreError
from agent_runtime.blackboard.stores.port import Wake
from agent_runtime.blackboard.stores.postgres import dead_letter_sql as letter_sql
from agent_runtime.blackboard.stores.postgres import inbox_sql, snapshots, sql
from agent_runtime.blackboard.stores.postgres import transactions as steps
from agent_runtime.blackboard.stores.postgres.database import Database
from agent_runtime.blackboard.stores.postgres.expiry import given_up, sweep
from agent_runtime.blackboard.stores.postgres.notifications import heard, notice
from agent_runtime.blackboard.stores.records import (
    DEAD_LETTERS_KEPT,
    DeadLetter,
    ExpiryReport,
    Leased,
    Limits,
    Publication,
    Snapshot,
    Stats,
)
from agent_runtime.blackboard.stores.time_index import WALKED
from agent_runtime.blackboard.wire.codec import decode
from agent_runtime.storage.group_commit import GroupCommit

_MOST_AT_ONCE = 1000
_RECONNECT_SECONDS = 0.5


class PostgresStore:
    """See `stores.port.Store`."""

    waits = True

    def __init__(self, url: str, board: str, terms: Limits) -> None:
        """`url` as postgresql://user:password@host:5432/database; `board` as `namespace/name`."""
        self._database = Database(url, board)
        self._terms = terms
        self._ahead = Ahead()
        self._write = GroupCommit[Step, list[Artifact]](
            self._commit, lambda step: 1 + len(step.publications), _MOST_AT_ONCE
        )

    async def open(self) -> None:
        """Connections are made when they are needed: a server may start before its Postgres, and says so."""

    async def close(self) -> None:
        await self._write.finish()
        await self._database.close()

    async def ping(self) -> None:
        if await self._database.fetch(sql.PING):
            raise Restoring

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        return await self._take(Step(publications, version))

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        return await self._take(Step(publications, version, Completion(lease, now)))

    async def _take(self, step: Step) -> list[Artifact]:
        return await self._ahead.take(partial(self._write, step), self._sweep)

    async def _commit(self, together: Sequence[Step]) -> Sequence[Outcome]:
        write = partial(steps.write, steps=together, max_pending=self._terms.max_pending)
        return await self._database.transaction(write)

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        rows = await self._database.fetch(sql.ARTIFACTS, [id_ for id_ in ids if _can_be_text(id_)])
        found = {id_: decode(body) for id_, body in rows}
        return [found.get(id_) for id_ in ids]

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        filters = (query.type, query.correlation, query.producer, query.tag, query.partition)
        if not all(_can_be_text(value) for value in filters if value is not None):
            return []
        if query.since is None and query.until is None:
            return await self._page(query, after, sql.LAST, query.limit)
        near = await self._page(query, after, after + WALKED, query.limit)
        if len(near) == query.limit:
            return near
        for behind, last in await self._database.fetch(sql.BETWEEN, after + WALKED, query.since, query.until):
            near += await self._page(query, behind, last, query.limit - len(near))
        return near

    async def _page(self, query: Query, after: int, last: int, limit: int) -> list[tuple[int, Artifact]]:
        statement, args = sql.scan(query, after, last, limit)
        rows = await self._database.fetch(statement, *args)
        return [(position, decode(body)) for position, body in rows]

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> bool:
        async def change(connection: Any, board: int) -> bool:
            await self._lock(connection, board)
            if consumes:
                body = subscriptions.encode(identity, consumes)
                changed = await connection.fetch(sql.REGISTER, board, identity.name, body)
            else:
                changed = await connection.fetch(sql.UNREGISTER, board, identity.name)
            if changed:
                await connection.fetch(sql.NEXT_VERSION, board)
            return bool(changed)

        return await self._database.transaction(change)

    async def _lock(self, connection: Any, board: int) -> None:
        """For a change that a restore must not meet with."""
        if any(version < 0 for version, _ in await connection.fetch(sql.LOCK, board)):
            raise Restoring

    async def subscribers(self) -> Subscribers:
        rows = await self._database.fetch(sql.SUBSCRIBERS)
        if rows and rows[0]["version"] < 0:
            raise Restoring
        members = [subscriptions.decode(body, place) for _, place, body in rows if body is not None]
        return Subscribers(rows[0]["version"] if rows else 0, tuple(members))

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        until = now + self._terms.lease
        rows = await self._database.fetch(inbox_sql.LEASE, agent, limit, until)
        return [
            Leased(LeaseId(name, attempt), _decoded(bodies), until, tuple(sets))
            for name, attempt, bodies, sets in rows
        ]

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        rows = await self._database.fetch(inbox_sql.HELD, lease.delivery, lease.attempt)
        if rows and rows[0]["timer"] > now:
            return list(_decoded(rows[0]["bodies"]))
        if not rows:  # else it is of an artifact that was pruned and published anew
            for before in await self._database.fetch(sql.FINISHED, [str(lease)]):
                raise Finished(_decoded(before["bodies"]))
        raise LeaseLost(f"lease {lease} {'ran out' if rows else 'is not held'}")

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        until = now + self._terms.lease
        if not await self._database.fetch(inbox_sql.EXTEND, lease.delivery, lease.attempt, now, until):
            raise await self._lost(lease)
        return until

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        held = (lease.delivery, lease.attempt, now)
        what = error.replace("\0", "\N{SYMBOL FOR NULL}")
        if retry_at is not None:
            most = self._terms.max_deliveries
            if await self._database.fetch(inbox_sql.OFFER_AGAIN, *held, retry_at, what, most):
                if retry_at <= now:
                    await self._tell([lease.agent])
                return None
        for row in await self._database.fetch(inbox_sql.GIVE_UP, *held, what):
            await self._database.fetch(letter_sql.FORGET_OLDEST, DEAD_LETTERS_KEPT)
            return given_up(row, what, now)
        if await self._database.fetch(inbox_sql.FAILED_BEFORE, lease.delivery, lease.attempt):
            return None
        raise await self._lost(lease)

    async def release(self, lease: LeaseId, now: datetime) -> bool:
        if await self._database.fetch(inbox_sql.RELEASE, lease.delivery, lease.attempt, now):
            await self._tell([lease.agent])
            return True
        if await self._database.fetch(inbox_sql.FAILED_BEFORE, lease.delivery, lease.attempt):
            return False
        raise await self._lost(lease)

    async def _lost(self, lease: LeaseId) -> LeaseLost:
        held = await self._database.fetch(inbox_sql.HELD, lease.delivery, lease.attempt)
        return LeaseLost(f"lease {lease} {'ran out' if held else 'is not held'}")

    async def sweep(self, now: datetime) -> ExpiryReport:
        return self._ahead.reported(await self._sweep(now))

    async def _sweep(self, now: datetime) -> ExpiryReport:
        return await sweep(self._database, self._terms.max_deliveries, now)

    async def forget(self, agent: str) -> int:
        async def change(connection: Any, board: int) -> int:
            await connection.fetch(sql.LOCK, board)
            if await connection.fetch(sql.UNREGISTER, board, agent):
                await connection.fetch(sql.NEXT_VERSION, board)
            deliveries: int = (await connection.fetch(inbox_sql.FORGET, board, agent))[0]["deliveries"]
            return deliveries

        return await self._database.transaction(change)

    async def dead_letters(self, limit: int, agent: str | None = None) -> list[DeadLetter]:
        return _letters(await self._database.fetch(letter_sql.NEWEST, limit, agent))

    async def dead_letter(self, delivery: str) -> DeadLetter | None:
        if not _can_be_text(delivery):
            return None
        found = _letters(await self._database.fetch(letter_sql.LETTER, delivery))
        return found[0] if found else None

    async def replay(self, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
        names = [name for name in dict.fromkeys(deliveries) if _can_be_text(name)]
        letters = _letters(await self._database.fetch(letter_sql.REPLAY, names, now))
        if letters:
            await self._tell(dict.fromkeys(letter.agent for letter in letters))
        return letters

    async def drop(self, deliveries: Sequence[str]) -> int:
        names = [name for name in deliveries if _can_be_text(name)]
        return len(await self._database.fetch(letter_sql.DROP, names))

    async def prune(self, before: datetime | None, keep: int | None, limit: int) -> int:
        async def change(connection: Any, board: int) -> int:
            await self._lock(connection, board)
            await connection.fetch(letter_sql.IN_ORDER, board)
            gone: int = (await connection.fetch(letter_sql.PRUNE, board, before, keep, limit))[0]["gone"]
            return gone

        return await self._database.transaction(change)

    async def exists(self) -> bool:
        return await self._database.knows_board()

    async def snapshot(self) -> Snapshot:
        return await snapshots.snapshot(self._database)

    async def begin_restore(self) -> int:
        return await snapshots.begin_restore(self._database)

    async def restore(self, frozen: Snapshot) -> None:
        await snapshots.restore(self._database, frozen)

    async def stats(self) -> Stats:
        [(artifacts, dead, subscribers)] = await self._database.fetch(sql.STATS)
        return Stats(artifacts, dead, dict(await self._database.fetch(sql.INBOXES)), subscribers)

    async def _tell(self, agents: Iterable[str]) -> None:
        """Wake those who wait at other servers."""
        await self._database.fetch(sql.NOTIFY, notice(agents))

    async def watch(self, wake: Wake) -> None:
        while True:
            try:
                async with self._database.listening(lambda told: wake(heard(told))) as until_lost:
                    wake(None)  # whatever was missed before
                    await until_lost()
            except StoreError:
                await asyncio.sleep(_RECONNECT_SECONDS)


def _can_be_text(value: str) -> bool:
    """Postgres' text knows no NUL, so that nothing with one can be there."""
    return "\0" not in value


def _decoded(bodies: Iterable[bytes]) -> tuple[Artifact, ...]:
    return tuple(decode(body) for body in bodies)


def _letters(rows: Iterable[Any]) -> list[DeadLetter]:
    return [
        DeadLetter(name, agent, tuple(artifacts), attempts, error, at)
        for name, agent, artifacts, attempts, error, at in rows
    ]
