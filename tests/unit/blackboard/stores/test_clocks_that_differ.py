"""Servers on one store whose clocks differ: nothing is hidden, or lost, because one is a little behind."""

from collections.abc import AsyncIterator

import pytest

from agent_runtime.api.agent import AfterVisibility, Visibility
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from tests.contract.boards import EDITOR, REGISTRY, SCOUT, Clock, consumes, finding

AHEAD = 5.0


class Two:
    """A server that is ahead of another, on one store."""

    def __init__(self) -> None:
        store = MemoryStore(Limits())
        self.clocks = Clock(), Clock()
        self.clocks[0].advance(AHEAD)
        self.ahead = BlackboardService(store, REGISTRY, clock=self.clocks[0])
        self.behind = BlackboardService(store, REGISTRY, clock=self.clocks[1])

    def advance(self, seconds: float) -> None:
        """On both."""
        for clock in self.clocks:
            clock.advance(seconds)


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    both = Two()
    async with both.ahead, both.behind:
        await both.behind.board(EDITOR).subscribe([consumes()])
        yield both


async def test_what_was_made_in_the_future_is_there(two: Two) -> None:
    await two.ahead.board(SCOUT).publish([finding(id="1")])
    assert await two.behind.board(EDITOR).get("1") is not None
    assert len((await two.behind.board(EDITOR).query(Query())).artifacts) == 1
    [delivery] = await two.behind.board(EDITOR).lease(1, 0)
    assert [artifact.id for artifact in delivery.artifacts] == ["1"]


async def test_what_came_out_of_its_embargo_elsewhere_first_is_delivered_a_little_later(two: Two) -> None:
    embargo = Visibility(after=AfterVisibility(ttl="60s"))
    await two.ahead.board(SCOUT).publish([finding(id="1", visibility=embargo)])
    two.advance(60)
    await two.ahead.sweep()
    assert await two.behind.board(EDITOR).lease(1, 0) == []
    assert await two.behind.dead_letters() == []
    two.advance(AHEAD)
    await two.behind.sweep()
    [delivery] = await two.behind.board(EDITOR).lease(1, 0)
    assert [artifact.id for artifact in delivery.artifacts] == ["1"]
