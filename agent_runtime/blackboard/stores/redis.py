"""A board in Redis, shared by any number of server processes.

Each step is one Lua script, so that it is atomic; all keys of a board have one hash tag. Redis should run
with `appendonly yes`: then what was answered survives its death.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, cast

import orjson

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import subscriptions
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.codec import decode
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.filters import fits
from agent_runtime.blackboard.stores.port import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    Finished,
    InboxFull,
    Leased,
    LeaseLost,
    Publication,
    StaleSubscribers,
    Stats,
    Swept,
    Terms,
    Wake,
)
from agent_runtime.blackboard.stores.redis_answers import dead_letter, decoded, raise_if_lost, same
from agent_runtime.blackboard.stores.redis_publications import bodies_of, most_selective_index, plan_of
from agent_runtime.blackboard.stores.redis_scripts import Scripts, unavailable
from agent_runtime.blackboard.stores.redis_watch import follow
from agent_runtime.blackboard.subscriptions import Subscribers
from agent_runtime.redis_client import connect
from agent_runtime.times import micros, moment

_Run = Callable[[Sequence[Publication]], Awaitable[list[Any]]]
"""Runs a script on publications; its answer begins with the outcome's name."""

_FINISHED_MILLISECONDS = int(FINISHED_KEPT.total_seconds() * 1000)


class RedisStore:
    """See `stores.port.Store`."""

    def __init__(self, url: str, board: str, terms: Terms) -> None:
        """`url` as redis://:password@host:6379/0; `board` as `namespace/name`."""
        self._client = connect(url, text=True)
        self._prefix = f"covey:{{{board}}}:"
        self._run = Scripts(self._client, self._prefix)
        self._terms = terms

    async def open(self) -> None:
        """Connections are made when they are needed: a server may start before its Redis, and says so."""

    async def close(self) -> None:
        await self._client.aclose()

    async def ping(self) -> None:
        with unavailable():
            # a write: a replica, a full disk or memory at its limit would answer a mere PING
            await self._client.set(self._prefix + "ping", "")

    async def publish(self, publications: Sequence[Publication], version: int) -> list[Artifact]:
        async def run(new: Sequence[Publication]) -> list[Any]:
            return await self._run("publish", version, self._terms.max_pending, plan_of(new), *bodies_of(new))

        return await self._insert(publications, run)

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
        key = f"{self._prefix}by:{most_selective_index(query)}"
        found: list[tuple[int, Artifact]] = []
        while len(found) < query.limit:
            with unavailable():
                answer = await self._client.zrangebyscore(
                    key, f"({after}", "+inf", start=0, num=query.limit, withscores=True
                )
            rows = cast(list[tuple[str, float]], answer)
            if not rows:
                break
            artifacts = await self.get([id_ for id_, _ in rows])
            for (_, position), artifact in zip(rows, artifacts, strict=True):
                after = int(position)
                if artifact is not None and fits(artifact, query) and len(found) < query.limit:
                    found.append((after, artifact))
            if len(rows) < query.limit:
                break
        return found

    async def register(self, identity: Identity, consumes: Sequence[Consumes]) -> None:
        body = subscriptions.encode(identity, consumes).decode() if consumes else ""
        await self._run("register", identity.name, body)

    async def subscribers(self) -> Subscribers:
        with unavailable():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.get(self._prefix + "subscribers:version")
                pipe.hgetall(self._prefix + "subscribers")
                pipe.hgetall(self._prefix + "subscribers:order")
                version, bodies, order = await pipe.execute()
        members = [subscriptions.decode(body, int(order[agent])) for agent, body in bodies.items()]
        return Subscribers(int(version or 0), tuple(sorted(members, key=lambda member: member.order)))

    async def lease(self, agent: str, limit: int, now: datetime) -> list[Leased]:
        until = now + self._terms.lease
        rows = await self._run("lease", agent, limit, micros(until))
        return [
            Leased(LeaseId(name, attempt), tuple(decoded(bodies)), until) for name, attempt, bodies in rows
        ]

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

        return await self._insert(publications, run)

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

    async def sweep(self, now: datetime) -> Swept:
        ready, expired, dead, next_due = await self._run(
            "sweep", micros(now), self._terms.max_deliveries, LEASE_RAN_OUT, DEAD_LETTERS_KEPT
        )
        due = None if next_due is None else moment(int(float(next_due)))
        return Swept(tuple(ready), tuple(expired), tuple(dead_letter(one) for one in dead), due)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        with unavailable():
            answer = await self._client.zrevrange(self._prefix + "dead:order", 0, limit - 1)
            names = cast(list[str], answer)
            letters = await self._client.hmget(self._prefix + "dead", names) if names else []
        return [dead_letter(letter) for letter in letters if letter is not None]

    async def stats(self) -> Stats:
        with unavailable():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.hlen(self._prefix + "artifacts")
                pipe.zcard(self._prefix + "dead:order")
                pipe.hgetall(self._prefix + "pending")
                artifacts, dead, pending = await pipe.execute()
        return Stats(artifacts, dead, {agent: int(count) for agent, count in pending.items()})

    async def watch(self, wake: Wake) -> None:
        await follow(self._client, self._prefix + "wake", wake)
