"""A warm worker on a real queue and a real store: it takes, reports, obeys and hands back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent_runtime.durable.port import Unavailable
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.queue.port import QueueState, Wanted
from agent_runtime.runs.queue.queue import StoredQueue
from agent_runtime.runs.queue.stores.sqlite import SqliteQueueStore
from agent_runtime.runs.worker.task import QueuedRun
from agent_runtime.runs.worker.worker import Worker
from agent_runtime.telemetry.events import Observer
from tests.clocks import eventually
from tests.unit.runs.bench import Bench, agent, config, then

QUEUE = "news/report"
RUN = "news/r1/u1"
NODES = then(agent("first", "bob", "hi"), agent("second", "slow", "think"), agent("third", "bob", "bye"))
GATE = {"name": "gate", "approve": {"prompt": "Go on?"}, "next": {"approve": "third"}}
APPROVED = {"node": "gate", "action": "approve"}


class Shop:
    """A queue, and workers of it that all run on one bench."""

    def __init__(self, bench: Bench, queue: StoredQueue) -> None:
        self.bench = bench
        self.queue = queue
        self.legs: list[str] = []

    async def submit(self, name: str, *nodes: dict[str, Any], **fields: Any) -> None:
        run = config(*nodes, name=name, **fields)
        await self.queue.submit(run.run_id, QUEUE, body_of(run))

    @asynccontextmanager
    async def worker(self, holder: str = "w1", concurrency: int = 1) -> AsyncIterator[Worker]:
        worker = Worker(
            self.queue, QUEUE, self._execute, holder=holder, concurrency=concurrency, clock=self.bench.clock
        )
        stop = asyncio.Event()
        working = asyncio.create_task(worker.work(stop))
        try:
            yield worker
        finally:
            stop.set()
            await working

    async def _execute(self, queued: QueuedRun, leg: str, observer: Observer) -> Outcome:
        self.legs.append(leg)
        answers = [answer.manifest() for answer in queued.answers]
        return await self.bench.run(queued.config, *answers, leg=leg, observer=observer)

    async def state(self, run: str = RUN) -> QueueState:
        state = await self.queue.state(run)
        assert state is not None
        return state

    async def until(self, state: str, run: str = RUN) -> dict[str, Any]:
        """The outcome, once the run is in that state."""
        now = await self.when(lambda now: now.state == state, run)
        outcome: dict[str, Any] = json.loads(now.outcome) if now.outcome is not None else {}
        return outcome

    async def when(self, holds: Callable[[QueueState], object], run: str = RUN) -> QueueState:
        """How the run stands, once that holds."""
        async with asyncio.timeout(60):
            while not holds(now := await self.state(run)):  # noqa: ASYNC110 - the queue tells nobody of it
                await asyncio.sleep(0)
        return now

    async def until_asked(self, *question: str) -> None:
        await eventually(lambda: question in self.bench.agents.asked)


def body_of(run: Any, *answers: dict[str, Any]) -> bytes:
    return orjson.dumps({"config": run.manifest(), "answers": list(answers)})


@pytest.fixture
async def shop(bench: Bench, tmp_path: Path) -> AsyncIterator[Shop]:
    async with StoredQueue(SqliteQueueStore(tmp_path / "queue.sqlite"), clock=bench.clock) as queue:
        yield Shop(bench, queue)


async def test_a_run_is_taken_and_its_outcome_told(shop: Shop) -> None:
    async with shop.worker():
        await shop.submit("r1", agent("ask", "bob", "hi"))
        outcome = await shop.until("Ended")
    assert (outcome["result"], outcome["usage"]) == ("bob says hi", {"inputTokens": 1, "outputTokens": 1})


async def test_several_runs_at_once_no_more_than_its_concurrency(shop: Shop) -> None:
    for number in (1, 2, 3):
        await shop.submit(f"r{number}", agent("ask", "slow", f"question {number}"))
    async with shop.worker(concurrency=2):
        await shop.until_asked("slow", "question 2")
        states = [(await shop.state(f"news/r{number}/u1")).state for number in (1, 2, 3)]
        assert states == ["Running", "Running", "Waiting"]
        shop.bench.agents.never.set()
        assert (await shop.until("Ended", "news/r3/u1"))["result"] == "slow says question 3"


async def test_it_reports_how_far_the_nodes_are(shop: Shop) -> None:
    async with shop.worker():
        await shop.submit("r1", *NODES)
        await shop.until_asked("slow", "think")
        await eventually(lambda: 5.0 in shop.bench.clock.sleeps)
        shop.bench.clock.advance(5)
        progress = (await shop.when(lambda now: now.progress is not None)).progress
        noon = {"startedAt": "2026-01-05T12:00:00Z"}
        first = {"name": "first", "state": "Succeeded", "action": "default", "visits": 1, **noon}
        assert json.loads(progress or b"")["nodes"] == [
            first | {"finishedAt": "2026-01-05T12:00:00Z"},
            {"name": "second", "state": "Running", "visits": 1, **noon},
        ]
        shop.bench.agents.never.set()
        assert (await shop.until("Ended"))["result"] == "bob says bye"


@pytest.mark.parametrize(("wanted", "rests"), [("Suspend", "Suspended"), ("Cancel", "Ended")])
async def test_a_run_that_is_no_longer_wanted_is_abandoned(shop: Shop, wanted: Wanted, rests: str) -> None:
    async with shop.worker():
        await shop.submit("r1", *NODES)
        await shop.until_asked("slow", "think")
        await shop.queue.update(RUN, None, wanted)
        await eventually(lambda: 5.0 in shop.bench.clock.sleeps)
        shop.bench.clock.advance(5)
        assert await shop.until(rests) == {}
        shop.bench.agents.never.set()
        if wanted == "Suspend":
            await shop.queue.update(RUN, None, "Run")
            assert (await shop.until("Ended"))["resumedFrom"] == "second"
            assert shop.bench.agents.asked.count(("bob", "hi")) == 1


async def test_a_worker_that_stops_hands_its_runs_back_at_once(shop: Shop) -> None:
    await shop.submit("r1", *NODES)
    async with shop.worker("w1"):
        await shop.until_asked("slow", "think")
    state = await shop.state()
    assert (state.state, state.attempts) == ("Waiting", 0)
    shop.bench.agents.never.set()
    async with shop.worker("w2"):
        outcome = await shop.until("Ended")
    assert (outcome["result"], outcome["resumedFrom"]) == ("bob says bye", "second")


async def test_an_answer_lets_a_suspended_run_go_on(shop: Shop) -> None:
    run = config(GATE, agent("third", "bob", "bye"))
    async with shop.worker():
        await shop.queue.submit(RUN, QUEUE, body_of(run))
        outcome = await shop.until("Suspended")
        assert (outcome["waiting"]["for"], outcome["waiting"]["node"]) == ("Approval", "gate")
        await shop.queue.update(RUN, body_of(run, APPROVED), "Run")
        assert (await shop.until("Ended"))["result"] == "bob says bye"
    assert len(set(shop.legs)) == 2, "the next leg has another name"


async def test_a_run_whose_ticket_is_no_longer_good_is_abandoned(shop: Shop) -> None:
    async with shop.worker():
        await shop.submit("r1", *NODES)
        await shop.until_asked("slow", "think")
        await eventually(lambda: 5.0 in shop.bench.clock.sleeps)
        await shop.queue.remove(RUN)
        shop.bench.clock.advance(5)
        await eventually(lambda: "second interrupted" in shop.bench.told("run.node"))
        await shop.submit("r2", agent("ask", "bob", "next"))
        assert (await shop.until("Ended", "news/r2/u1"))["result"] == "bob says next"


async def test_what_cannot_be_run_ends_with_the_reason(shop: Shop) -> None:
    await shop.queue.submit(RUN, QUEUE, b'{"config": {"kind": "FlowRun"}}')
    async with shop.worker():
        error = (await shop.until("Ended"))["error"]
    assert error == {"node": "", "message": "the queued run cannot be read: config.name: Field required"}


async def test_a_queue_that_is_away_is_asked_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("the runs server is on the move")

    with monkeypatch.context() as patch:
        patch.setattr(shop.queue, "take", away)
        async with shop.worker() as worker:
            await eventually(lambda: worker.trouble == "the runs server is on the move")
            patch.undo()
            await shop.submit("r1", agent("ask", "bob", "hi"))
            await eventually(lambda: 1.0 in shop.bench.clock.sleeps)
            shop.bench.clock.advance(1)
            await shop.until("Ended")
            assert worker.trouble == ""
