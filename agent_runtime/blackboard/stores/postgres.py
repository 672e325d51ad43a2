"""A board in Postgres, shared by any number of server processes. The tables are in the schema `covey_board`.

What is published and acknowledged at the same time shares a transaction (`postgres_groups`), and publishers
on one board go one after the other, so that whoever follows the positions misses nothing. Servers wake each
other by LISTEN and NOTIFY: a pooler between them and Postgres must keep sessions.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import subscriptions
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.codec import decode
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores import postgres_groups as groups
from agent_runtime.blackboard.stores import postgres_statements as sql
from agent_runtime.blackboard.stores.group_commit import GroupCommit
from agent_runtime.blackboard.stores.port import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    Finished,
    Leased,
    LeaseLost,
    Publication,
    Stats,
    StoreError,
    Swept,
    Terms,
    Wake,
)
from agent_runtime.blackboard.stores.postgres_database import Database
from agent_runtime.blackboard.stores.settling import Ending, Outcome, Step
from agent_runtime.blackboard.subscriptions import Subscribers

_MOST_AT_ONCE = 1000
_RECONNECT_SECONDS = 0.5


class PostgresStore:
    """See `stores.port.Store`."""

    def __init__(self, url: str, board: str, terms: Terms) -> None:
        """`url` as postgresql://user:password@host:5432/database; `board` as `namespace/name`."""
        self._database = Database(url, board)
        self._terms = terms
        self._write = GroupCommit[Step, list[Artifact]](
            self._commit, lambda step: 1 + len(step.publications), _MOST_AT_ONCE
        )

    async def open(self) -> None:
        """Connections are made when they are needed: a server may start before its Postgres, and says so."""

    async def close(self) -> None:
        await self._write.finish()
        await self._database.close()

    async def ping(self) -> None:
        await self._database.fetch(sql.PING)

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        return await self._write(Step(publications, version))

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        return await self._write(Step(publications, version, Ending(lease, now)))

    async def _commit(self, steps: Sequence[Step]) -> Sequence[Outcome]:
        write = partial(groups.write, steps=steps, max_pending=self._terms.max_pending)
        return await self._database.transaction(write)

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        rows = await self._database.fetch(sql.ARTIFACTS, [id_ for id_ in ids if _can_be_text(id_)])
        found = {id_: decode(body) for id_, body in rows}
        return [found.get(id_) for id_ in ids]

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        filters = (query.type, query.correlation, query.producer, query.tag)
        if not all(_can_be_text(value) for value in filters if value is not None):
            return []
        statement, args = sql.scan(query, after)
        rows = await self._database.fetch(statement, *args)
        return [(position, decode(body)) for position, body in rows]

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> None:
        async def change(connection: Any, board: int) -> None:
            await connection.fetch(sql.LOCK, board)
            if consumes:
                body = subscriptions.encode(identity, consumes)
                changed = await connection.fetch(sql.REGISTER, board, identity.name, body)
            else:
                changed = await connection.fetch(sql.FORGET, board, identity.name)
            if changed:
                await connection.fetch(sql.NEXT_VERSION, board)

        await self._database.transaction(change)

    async def subscribers(self) -> Subscribers:
        rows = await self._database.fetch(sql.SUBSCRIBERS)
        members = [subscriptions.decode(body, place) for _, place, body in rows if body is not None]
        return Subscribers(rows[0]["version"] if rows else 0, tuple(members))

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        until = now + self._terms.lease
        rows = await self._database.fetch(sql.LEASE, agent, limit, until)
        return [Leased(LeaseId(name, attempt), _decoded(bodies), until) for name, attempt, bodies in rows]

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        rows = await self._database.fetch(sql.HELD, lease.delivery, lease.attempt)
        if rows and rows[0]["timer"] > now:
            return list(_decoded(rows[0]["bodies"]))
        for before in await self._database.fetch(sql.FINISHED, [str(lease)]):
            raise Finished(_decoded(before["bodies"]))
        raise LeaseLost(f"lease {lease} {'ran out' if rows else 'is not held'}")

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        until = now + self._terms.lease
        if not await self._database.fetch(sql.EXTEND, lease.delivery, lease.attempt, now, until):
            raise await self._lost(lease)
        return until

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        held = (lease.delivery, lease.attempt, now)
        what = error.replace("\0", "\N{SYMBOL FOR NULL}")
        if retry_at is not None and lease.attempt < self._terms.max_deliveries:
            offered = await self._database.fetch(sql.OFFER_AGAIN, *held, retry_at, what)
            if offered and retry_at <= now:
                await self._tell([lease.agent])
            if offered:
                return None
        else:
            for row in await self._database.fetch(sql.GIVE_UP, *held, what):
                await self._database.fetch(sql.FORGET_DEAD_LETTERS, DEAD_LETTERS_KEPT)
                return _letter(row, what, now)
        if await self._database.fetch(sql.FAILED_BEFORE, lease.delivery, lease.attempt):
            return None
        raise await self._lost(lease)

    async def _lost(self, lease: LeaseId) -> LeaseLost:
        held = await self._database.fetch(sql.HELD, lease.delivery, lease.attempt)
        return LeaseLost(f"lease {lease} {'ran out' if held else 'is not held'}")

    async def sweep(self, now: datetime) -> Swept:
        await self._database.fetch(sql.FORGET_FINISHED, now - FINISHED_KEPT)
        due = await self._next_due()
        if due is None or due > now:
            return Swept(next_due=due)
        most = self._terms.max_deliveries
        rows = await self._database.fetch(sql.SWEEP, _MOST_AT_ONCE, most, now, LEASE_RAN_OUT)
        ready = dict.fromkeys(row["agent"] for row in rows if row["was"] is not None)
        expired = [row["name"] for row in rows if row["was"] == groups.HELD]
        dead = [_letter(row, LEASE_RAN_OUT, now) for row in rows if row["was"] is None]
        if ready:
            await self._tell(ready)
        if dead:
            await self._database.fetch(sql.FORGET_DEAD_LETTERS, DEAD_LETTERS_KEPT)
        return Swept(tuple(ready), tuple(expired), tuple(dead), await self._next_due())

    async def _next_due(self) -> datetime | None:
        due: datetime | None = (await self._database.fetch(sql.NEXT_DUE))[0]["due"]
        return due

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        rows = await self._database.fetch(sql.DEAD_LETTERS, limit)
        return [
            DeadLetter(name, agent, tuple(artifacts), attempts, error, at)
            for name, agent, artifacts, attempts, error, at in rows
        ]

    async def stats(self) -> Stats:
        [(artifacts, dead)] = await self._database.fetch(sql.STATS)
        return Stats(artifacts, dead, dict(await self._database.fetch(sql.INBOXES)))

    async def _tell(self, agents: Iterable[str]) -> None:
        """Wake those who wait at other servers."""
        await self._database.fetch(sql.NOTIFY, groups.notice(agents))

    async def watch(self, wake: Wake) -> None:
        while True:
            try:
                async with self._database.listening(lambda told: wake(groups.heard(told))) as until_lost:
                    wake(None)  # whatever was missed before
                    await until_lost()
            except StoreError:
                await asyncio.sleep(_RECONNECT_SECONDS)


def _can_be_text(value: str) -> bool:
    """Postgres' text knows no NUL, so that nothing with one can be there."""
    return "\0" not in value


def _decoded(bodies: Iterable[bytes]) -> tuple[Artifact, ...]:
    return tuple(decode(body) for body in bodies)


def _letter(row: Any, error: str, at: datetime) -> DeadLetter:
    return DeadLetter(row["name"], row["agent"], tuple(row["artifacts"]), row["attempt"], error, at)
