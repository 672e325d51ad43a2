"""A board that is rebuilt from its log is the board that it was, whatever happened on it."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from agent_runtime.api.agent import Consumes, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import BoardError, Delivery, Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.blackboard.wire.codec import encode
from agent_runtime.eventlog.brokers.port import EventLog
from agent_runtime.eventlog.recorder import Recorder
from agent_runtime.eventlog.replay.rebuild import rebuild
from tests.contract.boards import EDITOR, REGISTRY, SCOUT, WRITER, Clock, consumes, finding, report

TERMS = Limits(max_deliveries=3)
AGENTS = (EDITOR, WRITER, Identity("sub", tenant="acme"))
APPETITES: tuple[list[Consumes], ...] = (
    [consumes("Finding")],
    [consumes("Finding", where="payload.score > 2"), consumes("Report", priority=3)],
    [consumes("Finding", "Report", join={"by": "correlation", "window": "20s"})],
    [consumes("Finding", "Report", join={"window": "9s", "onTimeout": "Deliver"}), consumes("Report")],
    [consumes("Finding", "Report", join={"window": "9s", "onTimeout": "Drop"})],
    [consumes("Finding", batch={"size": 3, "within": "15s"})],
    [consumes("Finding", "Report", join={"window": "30s"}, batch={"size": 2, "within": "40s"})],
    [consumes("Finding", delivery="Exclusive"), consumes("Report", mode="Both")],
    [],
)
LATER = Visibility.model_validate({"after": {"ttl": "6s"}})
THEIRS = Visibility.model_validate({"tenant": {"tenant": "acme"}})


@dataclass(frozen=True)
class Standing:
    """What is on a board, as far as a log can know."""

    artifacts: list[bytes]
    deliveries: list[tuple[Any, ...]]
    dead_letters: list[tuple[Any, ...]]
    subscribers: list[tuple[Any, ...]]


async def standing(store: Store) -> Standing:
    """What is on it now."""
    frozen = await store.snapshot()
    return Standing(
        artifacts=[encode(artifact) for _, artifact in await store.scan(Query(limit=10_000), 0)],
        deliveries=sorted(
            (
                kept.plan.name,
                kept.plan.artifact_ids,
                kept.plan.priority,
                kept.attempt,
                kept.base,
                kept.sets,
                kept.since,
                kept.plan.join if kept.since else None,
            )
            for kept in frozen.deliveries
        ),
        dead_letters=sorted(
            (one.letter.delivery, one.letter.at, one.letter, one.priority, one.sets)
            for one in frozen.dead_letters
        ),
        subscribers=sorted((one.identity.name, one.identity, one.consumes) for one in frozen.subscribers),
    )


class History:
    """Things that happen on a board, one after the other, by chance."""

    def __init__(self, service: BlackboardService, clock: Clock, seed: int) -> None:
        self._service = service
        self._clock = clock
        self._random = random.Random(seed)
        self._held: list[tuple[Identity, Delivery]] = []
        self._count = 0

    async def run(self, steps: int) -> None:
        """So many of them."""
        for _ in range(steps):
            step = self._random.choices(
                [
                    *(self.publish, self.lease, self.acknowledge, self.fail, self.release),
                    *(self.wait, self.subscribe, self.tidy),
                ],
                [8, 6, 5, 2, 2, 4, 1, 1],
            )[0]
            with suppress(BoardError):  # what chance proposes is not always possible
                await step()
        await self.wait()

    def _drafts(self) -> Sequence[Any]:
        drafts = []
        for _ in range(self._random.randint(1, 3)):
            self._count += 1
            fields: dict[str, Any] = {
                "id": f"a{self._count}",
                "correlation": self._random.choice("xyz"),
                "visibility": self._random.choice([Visibility(public={}), LATER, THEIRS]),
            }
            kind = self._random.randrange(2)
            drafts.append(finding(score=self._random.randrange(5), **fields) if kind else report(**fields))
        return drafts

    async def publish(self) -> None:
        producer = self._random.choice([SCOUT, WRITER])
        if self._random.random() < 0.1:
            [draft, *_] = self._drafts()
            await self._service.invoke(producer, self._random.choice(AGENTS).name, draft)
        else:
            await self._service.board(producer).publish(self._drafts())

    async def lease(self) -> None:
        agent = self._random.choice(AGENTS)
        leased = await self._service.board(agent).lease(self._random.randint(1, 3), 0)
        self._held += [(agent, one) for one in leased]

    def _any_held(self) -> tuple[Identity, Delivery]:
        if not self._held:
            raise BoardError("none", "nothing is held", status=404)
        return self._held.pop(self._random.randrange(len(self._held)))

    async def acknowledge(self) -> None:
        agent, delivery = self._any_held()
        results = self._drafts() if self._random.random() < 0.3 else []
        await self._service.board(agent).acknowledge(delivery.id, results)

    async def fail(self) -> None:
        agent, delivery = self._any_held()
        retry_in = self._random.choice([None, 0.0])
        await self._service.board(agent).fail(delivery.id, "it broke", retry_in=retry_in)

    async def release(self) -> None:
        agent, delivery = self._any_held()
        await self._service.board(agent).release(delivery.id)

    async def wait(self) -> None:
        for _ in range(self._random.randint(1, 12)):
            self._clock.advance(1)
            await self._service.sweep()

    async def subscribe(self) -> None:
        await self._service.board(self._random.choice(AGENTS)).subscribe(self._random.choice(APPETITES))

    async def tidy(self) -> None:
        letters = await self._service.dead_letters()
        match self._random.randrange(3):
            case 0:
                await self._service.forget(self._random.choice(AGENTS).name)
            case 1 if letters:
                await self._service.replay([self._random.choice(letters).delivery])
            case 2 if letters:
                await self._service.drop([self._random.choice(letters).delivery])


@pytest.mark.parametrize("seed", range(10))
async def test_a_rebuilt_board_is_the_board(redis_log: EventLog, seed: int) -> None:
    clock, store = Clock(), MemoryStore(TERMS)
    recorder = Recorder(store, redis_log, clock)
    service = BlackboardService(store, REGISTRY, clock=clock, observer=recorder.observe)
    async with service, recorder:
        for agent, appetite in zip(AGENTS, random.Random(seed).sample(APPETITES[:-1], 3), strict=True):
            await service.board(agent).subscribe(appetite)
        history = History(service, clock, seed)
        await history.run(80)
        middle, then = clock.now, await standing(store)
        clock.advance(1)
        await service.sweep()
        await history.run(80)
        end = await standing(store)
        clock_at_end = clock.now
    await redis_log.open()
    for until, expected in ((None, end), (middle, then)):
        rebuilt = MemoryStore(TERMS)
        done = await rebuild(redis_log, rebuilt, until or clock_at_end)
        found = await standing(rebuilt)
        assert found.artifacts == expected.artifacts
        assert found.subscribers == expected.subscribers
        assert found.dead_letters == expected.dead_letters
        assert found.deliveries == expected.deliveries
        assert (done.lost_events, done.unreadable, done.matched_again) == (0, 0, 0)
