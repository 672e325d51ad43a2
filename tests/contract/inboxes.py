"""Inboxes on a store without a server before it: what is published has its deliveries planned by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.joins import BATCH, Expiry, JoinSpec
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import (
    DeadLetter,
    DeliveryPlan,
    ExpiryReport,
    Leased,
    Publication,
)
from tests.contract.boards import Clock

AGENT = "editor"
ENTRY = "0a1b2c3d"
"""Stands for an entry of `consumes` in names of deliveries and groups."""
WINDOW = 30.0
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Item:
    """An artifact to be published, and the one delivery that it sets off."""

    id: str
    join: JoinSpec | None = None
    priority: int = 0
    embargo: float = 0.0
    """Seconds until it may be handed out, or be put into its group."""
    agent: str = AGENT

    @property
    def delivery(self) -> str:
        """The delivery's name."""
        return f"{self.id}@{self.agent}" if self.join is None else f"{self.id}+{ENTRY}@{self.agent}"


@dataclass(frozen=True)
class Join:
    """An entry with a join: how many it needs of what."""

    needs: Mapping[str, int] = field(default_factory=lambda: {"Draft": 1, "Review": 1})
    window: float = WINDOW
    expiry: Expiry = "DeadLetter"
    then: JoinSpec | None = None

    def of(self, type_: str, key: str = "key") -> JoinSpec:
        """Of an item of this type, in the group of this key."""
        names = tuple(self.needs)
        return JoinSpec(
            group=f"{ENTRY}.{key}",
            slot=names.index(type_),
            needs=tuple(self.needs.values()),
            names=names,
            window=timedelta(seconds=self.window),
            expiry=self.expiry,
            then=self.then,
        )

    def draft(self, id_: str, key: str = "key", **fields: Any) -> Item:
        """An item of the type Draft."""
        return Item(id_, self.of("Draft", key), **fields)

    def review(self, id_: str, key: str = "key", **fields: Any) -> Item:
        """An item of the type Review."""
        return Item(id_, self.of("Review", key), **fields)


def batch(size: int, within: float = WINDOW, key: str = "all") -> JoinSpec:
    """Of an item of a batch."""
    window = timedelta(seconds=within)
    return JoinSpec(f"{ENTRY}.{key}", 0, (size,), BATCH, window, "Deliver")


def publication(item: Item, at: datetime) -> Publication:
    """The artifact, made at that time, and its delivery."""
    return Publication(artifact(item.id, at), (planned(item, at),))


def planned(item: Item, at: datetime) -> DeliveryPlan:
    """The delivery of an artifact that is made at that time."""
    due = at + timedelta(seconds=item.embargo)
    return DeliveryPlan(item.delivery, item.agent, (item.id,), item.priority, due, item.join)


def artifact(id_: str, at: datetime, **fields: Any) -> Artifact:
    """An artifact made at that time, with what it takes to be one."""
    known: dict[str, Any] = {"type": "Finding", "version": 1, "payload": {"title": id_}, "correlation": id_}
    return Artifact(**(known | {"id": id_, "producer": "scout", "created_at": at} | fields))


class Inboxes:
    """A store, and the agents' inboxes on it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    async def publish(self, publications: Sequence[Publication]) -> list[Artifact]:
        """In one step, with the subscribers as they are."""
        return await self.store.publish(publications, (await self.store.subscribers()).version)

    async def put(self, *items: Item) -> None:
        """Publish items in one step."""
        await self.publish([publication(item, self.clock.now) for item in items])

    async def lease(self, limit: int = 100, agent: str = AGENT) -> list[Leased]:
        """What is handed out now."""
        return await self.store.lease(agent, limit, self.clock.now)

    async def lease_one(self) -> Leased:
        """The one delivery that is handed out now."""
        [leased] = await self.lease()
        return leased

    async def handed_out(self, agent: str = AGENT) -> list[list[str]]:
        """The ids of the artifacts of each delivery that is handed out now."""
        return [ids(leased) for leased in await self.lease(agent=agent)]

    async def wait(self, seconds: float, *, micros: int = 0) -> ExpiryReport:
        """Let time pass, and do what has become due."""
        self.clock.now += timedelta(seconds=seconds) + micros * MICROSECOND
        return await self.store.sweep(self.clock.now)

    async def acknowledge(self, leased: Leased, *results: Item) -> list[Artifact]:
        """Finish it, with these results."""
        now = self.clock.now
        version = (await self.store.subscribers()).version
        return await self.store.acknowledge(
            leased.lease, [publication(item, now) for item in results], version, now
        )

    async def fail(self, leased: Leased, error: str = "away", *, retry: bool = True) -> DeadLetter | None:
        """Give it back, for now or for good."""
        now = self.clock.now
        return await self.store.fail(leased.lease, error, now if retry else None, now)

    async def release(self, leased: Leased) -> bool:
        """Give it back without a judgement."""
        return await self.store.release(leased.lease, self.clock.now)

    async def give_up(self, *items: Item) -> list[DeadLetter]:
        """Publish items, and make each a dead letter at once."""
        await self.put(*items)
        letters = [await self.fail(leased, retry=False) for leased in await self.lease()]
        return [letter for letter in letters if letter is not None]

    async def pending(self) -> Mapping[str, int]:
        """How many deliveries there are, by agent; agents that have none are left out."""
        return {agent: count for agent, count in (await self.store.stats()).pending.items() if count}


def ids(leased: Leased) -> list[str]:
    """Of its artifacts."""
    return [artifact.id for artifact in leased.artifacts]
