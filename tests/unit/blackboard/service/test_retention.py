"""When the board looks for what it need not keep any more."""

from datetime import timedelta

import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.schema.validation import Validator
from agent_runtime.blackboard.service import retention
from agent_runtime.blackboard.service.events import BoardEvent, EventEmitter
from agent_runtime.blackboard.service.retention import PAUSE, Pruner, Retention
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits, Publication
from tests.clocks import SteppingClock

DRAFTS = [Draft(type="T", payload={}, id=f"{n}") for n in range(5)]


class Board:
    """A store with five artifacts, and a pruner that takes two at once."""

    def __init__(self, kept: Retention) -> None:
        self.clock = SteppingClock()
        self.events: list[BoardEvent] = []
        self._store = MemoryStore(Limits())
        tell = EventEmitter(self.events.append, self.clock.now)
        self.pruner = Pruner(self._store, kept, tell, self.clock.now)

    async def publish(self) -> None:
        admission = Validator(TypeRegistry([ArtifactType(name="T", schema_={})]), 100, str)
        artifacts = admission.admit_all(DRAFTS, Identity("scout"), self.clock.now())
        await self._store.publish([Publication(artifact) for artifact in artifacts], 0)

    @property
    def gone(self) -> list[int]:
        """How many went at each step."""
        return [event.count for event in self.events]


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 2)


async def test_step_by_step_while_there_is_more_then_after_a_pause() -> None:
    board = Board(Retention(max_artifacts=0))
    await board.publish()
    now = board.clock.now()
    assert [await board.pruner.when_due() for _ in range(3)] == [now, now, now + PAUSE]
    assert board.gone == [2, 2, 1]


async def test_not_before_the_pause_is_over() -> None:
    board = Board(Retention(max_artifacts=0))
    due = board.clock.now() + PAUSE
    assert await board.pruner.when_due() == due
    await board.publish()
    board.clock.advance(PAUSE.total_seconds() - 1)
    assert await board.pruner.when_due() == due
    assert board.gone == []
    board.clock.advance(1)
    await board.pruner.when_due()
    assert board.gone == [2]


async def test_never_when_everything_is_kept() -> None:
    board = Board(Retention())
    await board.publish()
    assert await board.pruner.when_due() is None
    assert await board.pruner.prune() == 0


@pytest.mark.parametrize(("seconds", "gone"), [(60, []), (61, [2])])
async def test_age_is_counted_by_the_clock(seconds: int, gone: list[int]) -> None:
    board = Board(Retention(max_age=timedelta(minutes=1)))
    await board.publish()
    board.clock.advance(seconds)
    await board.pruner.prune()
    assert board.gone == gone
