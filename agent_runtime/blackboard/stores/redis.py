"""A board in Redis, shared by any number of server processes.

Each step is one Lua script, so that it is atomic; all keys of a board have one hash tag. Redis should run
with `appendonly yes`: then what was answered survives its death.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, cast

import orjson
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard import subscriptions
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity, Query
from agent_runtime.blackboard.codec import decode, encode, same_content
from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.filters import fits
from agent_runtime.blackboard.stores.port import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    Finished,
    IdTaken,
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
from agent_runtime.blackboard.stores.redis_scripts import Scripts, unavailable
from agent_runtime.blackboard.subscriptions import Subscribers
from agent_runtime.times import micros, moment

_Run = Callable[[Sequence[Publication]], Awaitable[list[Any]]]
"""Runs a script on publications; its answer begins with the outcome's name."""

_SOCKET_SECONDS = 5.0
_CONNECTIONS = 32
_RETRIES = 3
_RECONNECT_SECONDS = 0.5
_FINISHED_MILLISECONDS = int(FINISHED_KEPT.total_seconds() * 1000)


class RedisStore:
    """See `stores.port.Store`."""

    def __init__(self, url: str, board: str, terms: Terms) -> None:
        """`url` as redis://:password@host:6379/0; `board` as `namespace/name`."""
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_SOCKET_SECONDS,
            socket_timeout=_SOCKET_SECONDS,
            socket_connect_timeout=_SOCKET_SECONDS,
            socket_keepalive=True,
            # after a restart of Redis every pooled connection is dead once; each step may be repeated
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES),
            retry_on_error=[ConnectionError, TimeoutError],
            decode_responses=True,
        )
        self._client = redis.asyncio.Redis.from_pool(pool)
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
            return await self._run("publish", version, self._terms.max_pending, _plan(new), *_bodies(new))

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
                    known |= _same(new, details)
                    new = [one for one in new if one.artifact.id not in known]
                case "stale":
                    raise StaleSubscribers
                case "full":
                    raise InboxFull(details[0])
                case "finished":
                    raise Finished(_decoded(details))
                case _:
                    raise LeaseLost(details[0])

    async def get(self, ids: Sequence[str]) -> list[Artifact | None]:
        with unavailable():
            bodies = await self._client.hmget(self._prefix + "artifacts", list(ids))
        return [None if body is None else decode(body) for body in bodies]

    async def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        key = f"{self._prefix}by:{_most_selective(query)}"
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
            Leased(LeaseId(name, attempt), tuple(_decoded(bodies)), until) for name, attempt, bodies in rows
        ]

    async def held(self, lease: LeaseId, now: datetime) -> list[Artifact]:
        outcome, *details = await self._run("held", str(lease), lease.delivery, lease.attempt, micros(now))
        if outcome == "finished":
            raise Finished(_decoded(details))
        _raise_if_lost(lease, outcome, details)
        return _decoded(details)

    async def extend(self, lease: LeaseId, now: datetime) -> datetime:
        until = now + self._terms.lease
        outcome, *details = await self._run(
            "extend", lease.delivery, lease.attempt, micros(now), micros(until)
        )
        _raise_if_lost(lease, outcome, details)
        return until

    async def acknowledge(
        self, lease: LeaseId, publications: Sequence[Publication], version: int, now: datetime
    ) -> list[Artifact]:
        results = orjson.dumps([one.artifact.id for one in publications]).decode()
        head = (str(lease), lease.delivery, lease.attempt, micros(now), version, results)

        async def run(new: Sequence[Publication]) -> list[Any]:
            outcome = await self._run("acknowledge", *head, _FINISHED_MILLISECONDS, _plan(new), *_bodies(new))
            _raise_if_lost(lease, outcome[0], outcome[1:])
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
        _raise_if_lost(lease, outcome, details)
        return _letter(details[0]) if outcome == "dead" else None

    async def sweep(self, now: datetime) -> Swept:
        ready, expired, dead, next_due = await self._run(
            "sweep", micros(now), self._terms.max_deliveries, LEASE_RAN_OUT, DEAD_LETTERS_KEPT
        )
        due = None if next_due is None else moment(int(float(next_due)))
        return Swept(tuple(ready), tuple(expired), tuple(_letter(one) for one in dead), due)

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        with unavailable():
            answer = await self._client.zrevrange(self._prefix + "dead:order", 0, limit - 1)
            names = cast(list[str], answer)
            letters = await self._client.hmget(self._prefix + "dead", names) if names else []
        return [_letter(letter) for letter in letters if letter is not None]

    async def stats(self) -> Stats:
        with unavailable():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.hlen(self._prefix + "artifacts")
                pipe.zcard(self._prefix + "dead:order")
                pipe.hgetall(self._prefix + "pending")
                artifacts, dead, pending = await pipe.execute()
        return Stats(artifacts, dead, {agent: int(count) for agent, count in pending.items()})

    async def watch(self, wake: Wake) -> None:
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(self._prefix + "wake")
                    wake(None)  # whatever was missed before
                    while True:
                        message = await channel.get_message(timeout=_SOCKET_SECONDS)
                        if message is not None:
                            wake(message["data"].split("\n"))
            except (RedisError, OSError):
                await asyncio.sleep(_RECONNECT_SECONDS)


def _plan(publications: Sequence[Publication]) -> str:
    """What the scripts need to know about artifacts and deliveries, as JSON; see `insert` in common.lua."""
    plan = [
        {
            "id": one.artifact.id,
            "at": micros(one.artifact.created_at),
            "indexes": _indexes(one.artifact),
            "deliveries": [
                {
                    "name": delivery.name,
                    "agent": delivery.agent,
                    "artifacts": orjson.dumps(delivery.artifact_ids).decode(),
                    "priority": delivery.priority,
                    "due": micros(delivery.due),
                }
                for delivery in one.deliveries
            ],
        }
        for one in publications
    ]
    return orjson.dumps(plan).decode()


def _bodies(publications: Sequence[Publication]) -> list[str]:
    return [encode(one.artifact).decode() for one in publications]


def _indexes(artifact: Artifact) -> list[str]:
    return [
        "all",
        f"type:{artifact.type}",
        f"correlation:{artifact.correlation}",
        f"producer:{artifact.producer}",
        *(f"tag:{tag}" for tag in dict.fromkeys(artifact.tags)),
    ]


def _most_selective(query: Query) -> str:
    """The index to walk; the other filters are asked of what it yields."""
    for name in ("correlation", "tag", "producer", "type"):
        if (value := getattr(query, name)) is not None:
            return f"{name}:{value}"
    return "all"


def _same(publications: Sequence[Publication], bodies: Sequence[str | None]) -> dict[str, Artifact]:
    """The artifacts that are there already. Raises IdTaken when one has other content."""
    known: dict[str, Artifact] = {}
    for publication, body in zip(publications, bodies, strict=True):
        if body is not None:
            artifact = decode(body)
            if not same_content(artifact, publication.artifact):
                raise IdTaken(artifact.id)
            known[artifact.id] = artifact
    return known


def _decoded(bodies: Sequence[str | None]) -> list[Artifact]:
    return [decode(body) for body in bodies if body is not None]


def _raise_if_lost(lease: LeaseId, outcome: str, details: Sequence[str]) -> None:
    if outcome == "lost":
        raise LeaseLost(f"lease {lease} {details[0]}")


def _letter(document: str | bytes) -> DeadLetter:
    letter = orjson.loads(document)
    return DeadLetter(
        letter["delivery"],
        letter["agent"],
        tuple(orjson.loads(letter["artifacts"])),
        letter["attempts"],
        letter["error"],
        moment(int(letter["at"])),
    )
