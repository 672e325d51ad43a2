"""A board in Redis, shared by any number of server processes.

Each step is one Lua script, so that it is atomic; all keys of a board have one hash tag. Redis should run
with `appendonly yes`: then what was answered survives its death.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.matching.subscriptions import Subscribers
from agent_runtime.blackboard.stores.delivery.overdue import Ahead, Overdue
from agent_runtime.blackboard.stores.errors import (
    Finished,
    InboxFull,
    LeaseLost,
    NotEmpty,
    Restoring,
    StaleSubscribers,
)
from agent_runtime.blackboard.stores.port import Wake
from agent_runtime.blackboard.stores.records import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    ExpiryReport,
    Leased,
    Limits,
    Publication,
    Snapshot,
    Stats,
)
from agent_runtime.blackboard.stores.redis.publications import bodies_of, plan_of
from agent_runtime.blackboard.stores.redis.replies import (
    dead_letter,
    decoded,
    leased,
    raise_if_lost,
    same,
    swept,
)
from agent_runtime.blackboard.stores.redis.retention import Retention
from agent_runtime.blackboard.stores.redis.scan import scan
from agent_runtime.blackboard.stores.redis.scripts import Scripts, unavailable
from agent_runtime.blackboard.stores.redis.snapshots import in_order, restore, snapshot
from agent_runtime.blackboard.stores.redis.watch import follow
from agent_runtime.blackboard.wire.codec import decode
from agent_runtime.core.times import micros, moment
from agent_runtime.storage.redis import connect

_Run = Callable[[Sequence[Publication]], Awaitable[list[Any]]]
"""Runs a script on publications; its answer begins with the outcome's name."""

_FINISHED_MILLISECONDS = int(FINISHED_KEPT.total_seconds() * 1000)


class RedisStore:
    """See `stores.port.Store`."""

    waits = True

    def __init__(self, url: str, board: str, terms: Limits) -> None:
        """`url` as redis://:password@host:6379/0; `board` as `namespace/name`."""
        self._url = url
        self._client = connect(url, text=True)
        self._prefix = f"covey:{{{board}}}:"
        self._run = Scripts(self._client, self._prefix)
        self._retention = Retention(self._client, self._prefix, self._run)
        self._terms = terms
        self._ahead = Ahead()

    async def open(self) -> None:
        """Connections are made when they are needed: a server may start before its Redis, and says so."""

    async def close(self) -> None:
        await self._run.finish()
        await self._client.aclose()

    async def ping(self) -> None:
        with unavailable():
            # a write: a replica, a full disk or memory at its limit would answer a mere PING
            await self._client.set(self._prefix + "ping", "")
            version = await self._client.get(self._prefix + "subscribers:version")
        if int(version or 0) < 0:
            raise Restoring

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        async def run(new: Sequence[Publication]) -> list[Any]:
            return await self._run("publish", version, self._terms.max_pending, plan_of(new), *bodies_of(new))

        return await self._ahead.take(partial(self._insert, publications, run), self._sweep)

    async def _insert(self, publications: Sequence[Publication], run: _Run) -> list[Artifact]:
        """Run a script that inserts; again without those that turn out to be there with the same content."""
        new = list(publications)
        known: dict[str, Artifact] = {}
        while True:
            outcome, *details = await run(new)
            match outcome:
                case "ok":
                    return [known.get(one.artifact.id, one.artifact) for one in publications]
                case "exists":
                    known |= same(new, details)
                    new = [one for one in new if one.artifact.id not in known]
                case "stale":
                    raise StaleSubscribers
                case "overdue":
                    raise Overdue(moment(int(details[0])))
                case "full":
                    raise InboxFull(details[0])
                case "finished":
                    raise Finished(decoded(details))
                case _:
                    raise LeaseLost(details[0])

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        with unavailable():
            bodies = await self._client.hmget(self._prefix + "artifacts", list(ids))
        return [None if body is None else decode(body) for body in bodies]

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        return await scan(self._client, self._prefix, query, after)

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> bool:
        body = subscriptions.encode(identity, consumes).decode() if consumes else ""
        (outcome,) = await self._run("register", identity.name, body)
        if outcome == "restoring":
            raise Restoring
        return bool(outcome == "new")

    async def subscribers(self) -> Subscribers:
        version, *rows = await self._run("subscribers")
        if version < 0:
            raise Restoring
        return Subscribers(version, in_order(rows))

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        until = now + self._terms.lease
        rows = await self._run("lease", agent, limit, micros(until))
        return [leased(row, until) for row in rows]

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        outcome, *details = await self._run("held", str(lease), lease.delivery, lease.attempt, micros(now))
        if outcome == "finished":
            raise Finished(decoded(details))
        raise_if_lost(lease, outcome, details)
        return decoded(details)

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        until = now + self._terms.lease
        outcome, *details = await self._run(
            "extend", lease.delivery, lease.attempt, micros(now), micros(until)
        )
        raise_if_lost(lease, outcome, details)
        return until

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        results = orjson.dumps([one.artifact.id for one in publications]).decode()
        head = (str(lease), lease.delivery, lease.attempt, micros(now), version, results)

        async def run(new: Sequence[Publication]) -> list[Any]:
            outcome = await self._run(
                "acknowledge", *head, _FINISHED_MILLISECONDS, plan_of(new), *bodies_of(new)
            )
            raise_if_lost(lease, outcome[0], outcome[1:])
            return outcome

        return await self._ahead.take(partial(self._insert, publications, run), self._sweep)

    async def fail(
        self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime
    ) -> DeadLetter | None:
        outcome, *details = await self._run(
            "fail",
            lease.delivery,
            lease.attempt,
            micros(now),
            error,
            "" if retry_at is None else micros(retry_at),
            self._terms.max_deliveries,
            DEAD_LETTERS_KEPT,
        )
        raise_if_lost(lease, outcome, details)
        return dead_letter(details[0]) if outcome == "dead" else None

    async def release(self, lease: LeaseId, now: datetime) -> bool:
        outcome, *details = await self._run("release", lease.delivery, lease.attempt, micros(now))
        raise_if_lost(lease, outcome, details)
        return bool(outcome == "released")

    async def sweep(self, now: datetime) -> ExpiryReport:
        return self._ahead.reported(await self._sweep(now))

    async def _sweep(self, now: datetime) -> ExpiryReport:
        answer = await self._run(
            "sweep", micros(now), self._terms.max_deliveries, LEASE_RAN_OUT, DEAD_LETTERS_KEPT
        )
        return swept(answer)

    async def forget(self, agent: str) -> int:
        gone, of_this_walk, at = 0, 0, 0
        while True:
            # the first step removes the subscriber; what the agent leases meanwhile, the next walk finds
            went, at, left = (int(one) for one in await self._run("forget", agent, at))
            gone += went
            of_this_walk += went
            if left == 0 or (at == 0 and of_this_walk == 0):
                return gone
            if at == 0:
                of_this_walk = 0

    async def dead_letters(self, limit: int, agent: str | None = None) -> list[DeadLetter]:
        return [dead_letter(letter) for letter in await self._run("dead_letters", limit, agent or "")]

    async def dead_letter(self, delivery: str) -> DeadLetter | None:
        with unavailable():
            letter = await self._client.hget(self._prefix + "dead", delivery)
        return None if letter is None else dead_letter(letter)

    async def replay(self, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
        return [dead_letter(letter) for letter in await self._run("replay", *deliveries)]

    async def drop(self, deliveries: Sequence[str]) -> int:
        [dropped] = await self._run("drop", *deliveries)
        return int(dropped)

    async def prune(self, before: datetime | None, keep: int | None, limit: int) -> int:
        await self.subscribers()  # raises Restoring
        return await self._retention.prune(before, keep, limit)

    async def exists(self) -> bool:
        traces = [self._prefix + key for key in ("ping", "subscribers:version", "position")]
        with unavailable():
            return bool(await self._client.exists(*traces))

    async def snapshot(self) -> Snapshot:
        return await snapshot(self._url, self._prefix)

    async def begin_restore(self) -> int:
        for version in await self._run("begin_restore"):
            return int(version)
        raise NotEmpty

    async def restore(self, frozen: Snapshot) -> None:
        await restore(self._run, frozen)

    async def stats(self) -> Stats:
        with unavailable():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.hlen(self._prefix + "artifacts")
                pipe.zcard(self._prefix + "dead:order")
                pipe.hgetall(self._prefix + "pending")
                pipe.hlen(self._prefix + "subscribers")
                artifacts, dead, pending, subscribers = await pipe.execute()
        return Stats(artifacts, dead, {agent: int(count) for agent, count in pending.items()}, subscribers)

    async def watch(self, wake: Wake) -> None:
        await follow(self._client, self._prefix + "wake", wake)
