"""Deliveries of a real board, in memory, worked on by scripted agents."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from agent_runtime.agents.consumer import consume
from agent_runtime.agents.heartbeat import Heartbeat
from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Board, BoardError, Delivery, Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from tests.clocks import ManualClock, SteppingClock, eventually
from tests.unit.agents.builders import NOTE, Bench, agent_config

TYPES = [ArtifactType.model_validate(each) for each in ({"name": "Idea", "schema": {"type": "object"}}, NOTE)]
EDITOR = Identity("editor", "user")
ANN = Identity("ann")
IDEAS = (Consumes.model_validate({"types": ["Idea"]}),)
SOON = 30
"""Seconds until a test gives up waiting."""


class Newsroom:
    """A board, and what was told about it."""

    def __init__(self) -> None:
        self.events: list[BoardEvent] = []
        self._news = asyncio.Event()
        self.service = BlackboardService(
            MemoryStore(Limits(lease=timedelta(seconds=30), max_deliveries=3)),
            TypeRegistry(TYPES),
            observer=self._note,
        )

    def _note(self, event: BoardEvent) -> None:
        self.events.append(event)
        self._news.set()
        self._news = asyncio.Event()

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.events)

    async def until(self, kind: str, count: int = 1) -> None:
        """Wait for events of that kind."""
        async with asyncio.timeout(SOON):
            while self.count(kind) < count:
                await self._news.wait()

    async def publish(self, *payloads: dict[str, Any]) -> list[Artifact]:
        drafts = [Draft(type="Idea", payload=payload) for payload in payloads]
        return await self.service.board(EDITOR).publish(drafts)

    async def notes(self) -> list[Any]:
        page = await self.service.board(EDITOR).query(Query(type="Note"))
        return [dict(note.payload) for note in page.artifacts]


@pytest.fixture
async def newsroom() -> AsyncIterator[Newsroom]:
    room = Newsroom()
    async with room.service:
        yield room


def agent(
    script: Sequence[dict[str, Any]],
    *,
    consumes: Sequence[dict[str, Any]] = ({"types": ["Idea"]},),
    **fields: Any,
) -> Bench:
    board = {"name": "newsroom", "url": "", "consumes": consumes}
    settings = {"publishes": [{"type": "Note"}], "retry": {"maxAttempts": 1, "initialDelay": "1ms"}}
    return Bench(agent_config(script, blackboard=board, **{**settings, **fields}))


@asynccontextmanager
async def consuming(bench: Bench, board: Board, **options: Any) -> AsyncIterator[asyncio.Event]:
    """The agent at work, subscribed; yields the event that stops it. Waits for its end."""
    stop, ready = asyncio.Event(), asyncio.Event()

    def note(is_ready: bool) -> None:
        if is_ready:
            ready.set()

    task = asyncio.create_task(consume(bench.worker, board, stop, on_ready=note, random=Random(3), **options))
    try:
        async with asyncio.timeout(SOON):
            await ready.wait()
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(SOON):
            await task


async def test_an_artifact_becomes_another(newsroom: Newsroom) -> None:
    ann = agent([{"reply": "${{'text': 'about ' + input.payload.topic}}"}])
    async with consuming(ann, newsroom.service.board(ANN)):
        (idea,) = await newsroom.publish({"topic": "bees"})
        await newsroom.until("acknowledged")
    assert await newsroom.notes() == [{"text": "about bees"}]
    (note,) = (await newsroom.service.board(EDITOR).query(Query(type="Note"))).artifacts
    assert (note.producer, note.correlation, note.causes) == ("ann", idea.correlation, (idea.id,))


async def test_artifacts_that_belong_together_are_worked_on_at_once(newsroom: Newsroom) -> None:
    consumes = {
        "types": ["Idea"],
        "join": {"by": "payload.topic", "window": "1h", "counts": [{"type": "Idea", "count": 2}]},
        "batch": {"size": 2, "within": "1h"},
    }
    sizes = "string(input.sets[0].size()) + string(input.sets[1].size()) + string(input.artifacts.size())"
    ann = agent([{"reply": f"${{{{'text': {sizes}}}}}"}], consumes=[consumes])
    async with consuming(ann, newsroom.service.board(ANN)):
        bees, ants, *_ = await newsroom.publish(*({"topic": topic} for topic in ("bees", "ants") * 2))
        await newsroom.until("acknowledged")
    (note,) = (await newsroom.service.board(EDITOR).query(Query(type="Note"))).artifacts
    assert dict(note.payload) == {"text": "224"}
    assert (note.causes[0], note.causes[2], note.correlation) == (bees.id, ants.id, bees.correlation)


async def test_what_was_published_before_stopping_is_not_lost(newsroom: Newsroom) -> None:
    ann = agent([{"reply": "${{'text': 'about ' + input.payload.topic}}"}])
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("acknowledged")
    await newsroom.publish({"topic": "ants"})
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.until("acknowledged", 2)
    assert await newsroom.notes() == [{"text": "about bees"}, {"text": "about ants"}]


async def test_no_more_at_once_than_it_may(newsroom: Newsroom) -> None:
    clock = ManualClock()
    script = [{"reply": '{"text": "done"}', "delay": "5s"}]
    board = {"name": "newsroom", "url": "", "consumes": [{"types": ["Idea"]}]}
    config = agent_config(
        script, blackboard=board, publishes=[{"type": "Note"}], limits={"maxConcurrency": 2}
    )
    ann = Bench(config, clock=clock)
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish(*({"n": n} for n in range(5)))
        for finished in (0, 2, 4):
            await newsroom.until("leased", min(finished + 2, 5))
            await eventually(lambda: len(clock.sleeps) == newsroom.count("leased"))
            assert newsroom.count("leased") == min(finished + 2, 5)
            clock.advance(5)
            await newsroom.until("acknowledged", min(finished + 2, 5))
    assert len(await newsroom.notes()) == 5


async def test_work_that_cannot_succeed_goes_to_the_dead_letters_at_once(newsroom: Newsroom) -> None:
    ann = agent([{"when": "false", "reply": "never"}])
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("dead")
    (letter,) = await newsroom.service.dead_letters()
    assert "has no step for turn 0" in letter.error
    assert newsroom.count("leased") == 1


async def test_an_answer_that_never_fits_is_tried_as_often_as_the_board_says(newsroom: Newsroom) -> None:
    ann = agent([{"reply": "no JSON"}])
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("dead")
    (letter,) = await newsroom.service.dead_letters()
    assert "does not fit its output: the answer: it is not JSON" in letter.error
    assert newsroom.count("leased") == 3


async def test_what_the_board_knows_better_than_the_agent_is_tried_again(newsroom: Newsroom) -> None:
    """The agent was started with no schema of what it publishes; the board has one."""
    ann = agent([{"reply": '{"nonsense": 1}'}])
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("dead")
    (letter,) = await newsroom.service.dead_letters()
    assert "does not fit its output" in letter.error
    assert "'text' is a required property" in letter.error or '"text"' in letter.error
    assert newsroom.count("leased") == 3


async def test_work_that_may_succeed_later_comes_back_until_the_board_gives_up(newsroom: Newsroom) -> None:
    ann = agent([{"error": "out of ink"}])
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("dead")
    (letter,) = await newsroom.service.dead_letters()
    assert "out of ink" in letter.error
    assert newsroom.count("leased") == 3


async def test_results_that_the_board_refuses_are_a_failure_for_good(newsroom: Newsroom) -> None:
    ann = agent([{"reply": '{"text": "x"}'}])
    async with consuming(ann, newsroom.service.board(ANN)):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("dead")
    (letter,) = await newsroom.service.dead_letters()
    assert "text" in letter.error
    assert await newsroom.notes() == []


async def test_stopping_finishes_what_is_under_way(newsroom: Newsroom) -> None:
    clock = ManualClock()
    board = {"name": "newsroom", "url": "", "consumes": [{"types": ["Idea"]}]}
    config = agent_config(
        [{"reply": '{"text": "done"}', "delay": "5s"}], blackboard=board, publishes=[{"type": "Note"}]
    )
    ann = Bench(config, clock=clock)
    async with consuming(ann, newsroom.service.board(ANN)) as stop:
        await newsroom.publish({"topic": "bees"})
        await eventually(lambda: clock.sleeps)
        stop.set()
        await newsroom.publish({"topic": "ants"})
        clock.advance(5)
    assert await newsroom.notes() == [{"text": "done"}]
    assert clock.sleeps == [5], "nothing new is begun"


async def test_what_is_not_finished_in_time_goes_back_at_once(newsroom: Newsroom) -> None:
    board = {"name": "newsroom", "url": "", "consumes": [{"types": ["Idea"]}]}
    config = agent_config(
        [{"reply": "never", "delay": "50s"}], blackboard=board, publishes=[{"type": "Note"}]
    )
    clock = ManualClock()
    async with consuming(Bench(config, clock=clock), newsroom.service.board(ANN), grace=0.01):
        await newsroom.publish({"topic": "bees"})
        await eventually(lambda: clock.sleeps)
    assert (newsroom.count("released"), newsroom.count("failed")) == (1, 0)
    (again,) = await newsroom.service.board(ANN).lease(1, 5)
    assert again.attempt == 2


async def test_work_that_was_broken_off_however_often_is_no_dead_letter(newsroom: Newsroom) -> None:
    """Rolling updates at the wrong moment are not the work's fault."""
    script = [{"reply": "never", "delay": "50s"}]
    board = {"name": "newsroom", "url": "", "consumes": [{"types": ["Idea"]}]}
    config = agent_config(script, blackboard=board, publishes=[{"type": "Note"}])
    await newsroom.service.board(ANN).subscribe(IDEAS)
    await newsroom.publish({"topic": "bees"})

    async def begin_and_stop() -> None:
        clock = ManualClock()
        async with consuming(Bench(config, clock=clock), newsroom.service.board(ANN), grace=0.01):
            await eventually(lambda: clock.sleeps)

    for n in range(5):
        await begin_and_stop()
        assert newsroom.count("released") == n + 1
    async with consuming(agent([{"reply": '{"text": "done"}'}]), newsroom.service.board(ANN)):
        await newsroom.until("acknowledged")
    assert await newsroom.service.dead_letters() == []


class Wrapped:
    """A board where some calls go wrong first."""

    def __init__(self, board: Board, faults: dict[str, list[BoardError]]) -> None:
        self._board = board
        self.faults = faults
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            self.calls.append(name)
            if self.faults.get(name):
                raise self.faults[name].pop(0)
            return await getattr(self._board, name)(*args, **options)

        return call


def down() -> BoardError:
    return BoardError("unavailable", "the board is restarting", status=503)


async def test_what_comes_when_it_is_stopped_already_goes_back_at_once(newsroom: Newsroom) -> None:
    """All of it, and nothing is begun."""
    stop = asyncio.Event()

    class Late(Wrapped):
        """Its answers come when it is too late."""

        async def lease(self, limit: int, wait: float) -> list[Delivery]:
            deliveries: list[Delivery] = await newsroom.service.board(ANN).lease(limit, wait)
            stop.set()
            return deliveries

    await newsroom.service.board(ANN).subscribe(IDEAS)
    await newsroom.publish(*({"n": n} for n in range(3)))
    ann = agent([{"reply": '{"text": "done"}'}], limits={"maxConcurrency": 5})
    async with asyncio.timeout(SOON):
        await consume(ann.worker, Late(newsroom.service.board(ANN), {}), stop)
    assert (newsroom.count("released"), newsroom.count("acknowledged")) == (3, 0)
    assert len(await newsroom.service.board(ANN).lease(5, 5)) == 3


async def test_a_board_that_is_away_is_waited_for_and_subscribed_to_again(newsroom: Newsroom) -> None:
    board = Wrapped(newsroom.service.board(ANN), {"subscribe": [down(), down()], "lease": [down()]})
    clock = ManualClock()
    ann = agent([{"reply": '{"text": "done"}'}])

    async def let_time_pass() -> None:
        while True:
            clock.advance(60)
            await asyncio.sleep(0)

    passing = asyncio.create_task(let_time_pass())
    async with consuming(ann, board, clock=clock):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("acknowledged")
    passing.cancel()
    assert board.calls.count("subscribe") == 4


async def test_a_board_that_lost_its_store_is_subscribed_to_again(
    newsroom: Newsroom,
) -> None:
    clock = SteppingClock()
    board = newsroom.service.board(ANN)

    class Idle(Wrapped):
        """Nothing comes while one waits."""

        async def lease(self, limit: int, wait: float) -> list[Delivery]:
            clock.advance(wait)
            await asyncio.sleep(0)
            return await board.lease(limit, 0)

    idle = Idle(board, {})
    ann = agent([{"reply": '{"text": "done"}'}])
    async with consuming(ann, idle, clock=clock):
        await eventually(lambda: idle.calls.count("subscribe") > 5)
        assert newsroom.count("subscribed") == 1
        await newsroom.service.forget("ann")
        await newsroom.until("subscribed", 2)
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("acknowledged")


async def test_an_acknowledgement_that_got_no_answer_is_sent_again(newsroom: Newsroom) -> None:
    board = Wrapped(newsroom.service.board(ANN), {"acknowledge": [down(), down()]})
    ann = agent([{"reply": '{"text": "done"}'}])
    clock = ManualClock()
    async with consuming(ann, board, clock=clock):
        await newsroom.publish({"topic": "bees"})
        async with asyncio.timeout(SOON):
            while newsroom.count("acknowledged") == 0:
                if board.calls.count("acknowledge") < 3 and len(clock.sleeps) > 1:
                    clock.advance(5)
                await asyncio.sleep(0)
    assert await newsroom.notes() == [{"text": "done"}]
    assert newsroom.count("leased") == 1


def progress(newsroom: Newsroom) -> list[str]:
    return [event.message for event in newsroom.events if event.kind == "progress"]


async def test_an_agent_says_which_tool_it_called_and_at_which_step_it_is(newsroom: Newsroom) -> None:
    script: list[dict[str, Any]] = [
        {"when": "turn == 0", "toolCalls": [{"tool": "clock"}]},
        {"reply": '{"text": "done"}', "delay": "5s"},
    ]
    clock, model_clock = ManualClock(), ManualClock()
    access = {"name": "newsroom", "url": "", "consumes": [{"types": ["Idea"]}], "leaseSeconds": 30}
    fields = {"pattern": "ReAct", "tools": [{"builtin": "clock"}], "publishes": [{"type": "Note"}]}
    ann = Bench(agent_config(script, blackboard=access, **fields), clock=model_clock)
    async with consuming(ann, newsroom.service.board(ANN), clock=clock):
        await newsroom.publish({"topic": "bees"})
        await newsroom.until("progress")
        assert len(progress(newsroom)) == 1, "one a second at most"
        await eventually(lambda: model_clock.sleeps)
        clock.advance(1)
        await eventually(lambda: 1.0 in clock.sleeps)
        model_clock.advance(5)
        await newsroom.until("acknowledged")
    assert progress(newsroom)[-1] in ("step 2", "called clock")


async def test_of_notes_that_come_fast_the_newest_is_told_and_no_loss_ends_the_work(
    newsroom: Newsroom,
) -> None:
    board = Wrapped(newsroom.service.board(ANN), {})
    clock = ManualClock()
    heart = Heartbeat(board, 30, clock)
    await newsroom.service.board(ANN).subscribe(IDEAS)
    await newsroom.publish({"topic": "bees"})
    [leased] = await newsroom.service.board(ANN).lease(1, 0)
    heart.note(leased.id, "not held yet")
    heart.hold(leased.id)
    for number in range(1, 4):
        heart.note(leased.id, f"page {number}\nof 9")
    await newsroom.until("progress", 1)
    heart.note(leased.id, "page 4")
    heart.note(leased.id, "x" * 300)
    assert progress(newsroom) == ["page 3 of 9"]
    await eventually(lambda: 1.0 in clock.sleeps)
    clock.advance(1)
    await newsroom.until("progress", 2)
    assert progress(newsroom)[1] == "x" * 255 + "…"
    # one that does not get through comes with the next beat
    await eventually(lambda: clock.sleeps.count(1.0) == 2)
    board.faults["extend"] = [down()]
    heart.note(leased.id, "page 8")
    clock.advance(1)
    await eventually(lambda: board.calls.count("extend") == 3)
    assert len(progress(newsroom)) == 2
    clock.advance(8)
    await newsroom.until("progress", 3)
    assert progress(newsroom)[2] == "page 8"
    # what is acknowledged just now may refuse a note: that is no reason to end the work
    board.faults["extend"] = [BoardError("lease_lost", "it is done", status=409)]
    heart.note(leased.id, "page 9")
    await eventually(lambda: board.calls.count("extend") == 5)
    assert not heart.let_go(leased.id)
    await heart.end()


async def test_a_heartbeat_keeps_the_lease_and_its_loss_ends_the_work(newsroom: Newsroom) -> None:
    lost = BoardError("lease_lost", "somebody else has it", status=409)
    board = Wrapped(newsroom.service.board(ANN), {})
    script = [{"reply": '{"text": "late"}', "delay": "50s"}]
    access = {"name": "newsroom", "url": "", "consumes": [{"types": ["Idea"]}], "leaseSeconds": 30}
    model_clock, beat_clock = ManualClock(), ManualClock()
    ann = Bench(agent_config(script, blackboard=access, publishes=[{"type": "Note"}]), clock=model_clock)
    async with consuming(ann, board, clock=beat_clock):
        await newsroom.publish({"topic": "bees"})
        await eventually(lambda: model_clock.sleeps and beat_clock.sleeps)
        assert beat_clock.sleeps == [10]
        beat_clock.advance(10)
        await eventually(lambda: board.calls.count("extend") == 1 and len(beat_clock.sleeps) == 2)
        board.faults["extend"] = [lost]
        beat_clock.advance(10)
        await eventually(lambda: "agent.failed" in ann.kinds)
    assert board.calls.count("extend") == 2
    assert not {"fail", "release"} & {*board.calls}, "what is lost is not ours to give back"
    assert await newsroom.notes() == []
