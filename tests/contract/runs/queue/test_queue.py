"""The queue's contract, on every store and over HTTP: `runs.queue.port.RunQueue`."""

import asyncio

import pytest

from agent_runtime.durable.port import LeaseLost, NoSuchRun
from agent_runtime.runs.queue.port import QueueState, RunQueue, TaskLease
from tests.clocks import ManualClock

QUEUE = "news/brief"
WAITS = b'{"result":null,"waiting":{"for":"Approval","node":"ask"}}'
DONE = b'{"result":"ok"}'


async def taken(queue: RunQueue, holder: str = "worker-1", name: str = QUEUE) -> TaskLease:
    """A ticket that must be there."""
    ticket = await queue.take(name, holder, 30)
    assert ticket is not None
    return ticket


async def state_of(queue: RunQueue, run: str) -> QueueState:
    """A state that must be there."""
    state = await queue.state(run)
    assert state is not None
    return state


async def test_a_run_from_submission_to_its_end(queue: RunQueue, clock: ManualClock) -> None:
    assert await queue.submit("news/a/1", QUEUE, b"config")
    assert await state_of(queue, "news/a/1") == QueueState(
        "news/a/1", QUEUE, "Waiting", "Run", 0, None, None, None
    )
    ticket = await taken(queue)
    assert ticket == TaskLease("news/a/1", QUEUE, "worker-1", 1, 1, b"config")
    assert await queue.heartbeat(ticket, 30, b'{"nodes":[]}') == "Run"
    assert await state_of(queue, "news/a/1") == QueueState(
        "news/a/1", QUEUE, "Running", "Run", 1, "worker-1", None, b'{"nodes":[]}'
    )
    await queue.finish(ticket, DONE)
    assert await state_of(queue, "news/a/1") == QueueState(
        "news/a/1", QUEUE, "Ended", "Run", 1, None, DONE, b'{"nodes":[]}'
    )
    assert await queue.take(QUEUE, "worker-1", 30) is None
    await queue.remove("news/a/1")
    await queue.remove("news/a/1")
    assert await queue.state("news/a/1") is None


async def test_submitting_twice_is_submitting_once(queue: RunQueue) -> None:
    assert await queue.submit("news/a/1", QUEUE, b"first")
    assert not await queue.submit("news/a/1", "news/other", b"second")
    assert (await taken(queue)).body == b"first"
    assert await queue.take("news/other", "worker-1", 30) is None


async def test_the_oldest_comes_first_and_queues_are_apart(queue: RunQueue, clock: ManualClock) -> None:
    for number, name in enumerate([QUEUE, "news/other", QUEUE, QUEUE]):
        await queue.submit(f"run/{9 - number}", name, b"")
        clock.advance(1)
    assert [(await taken(queue)).run for _ in range(3)] == ["run/9", "run/7", "run/6"]
    assert (await taken(queue, name="news/other")).run == "run/8"


async def test_a_run_goes_on_after_an_answer(queue: RunQueue) -> None:
    await queue.submit("news/a/1", QUEUE, b"config")
    await queue.finish(await taken(queue), WAITS)
    assert (await state_of(queue, "news/a/1")).state == "Suspended"
    assert await queue.take(QUEUE, "worker-1", 30) is None
    await queue.update("news/a/1", b"answers", "Run")
    ticket = await taken(queue)
    assert (ticket.body, ticket.generation, ticket.attempt) == (b"answers", 2, 1)
    await queue.finish(ticket, DONE)
    assert (await state_of(queue, "news/a/1")).outcome == DONE


async def test_what_is_wanted_reaches_the_worker(queue: RunQueue) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    ticket = await taken(queue)
    await queue.update("news/a/1", None, "Cancel")
    assert await queue.heartbeat(ticket, 30) == "Cancel"
    assert await queue.heartbeat(ticket, 0) == "Cancel"
    assert (await state_of(queue, "news/a/1")).state == "Ended"


async def test_a_suspended_run_is_not_handed_out(queue: RunQueue) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    await queue.update("news/a/1", None, "Suspend")
    assert await queue.take(QUEUE, "worker-1", 30) is None
    await queue.update("news/a/1", None, "Run")
    assert (await taken(queue)).run == "news/a/1"


async def test_a_ticket_that_runs_out_goes_to_another(queue: RunQueue, clock: ManualClock) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    lost = await taken(queue)
    waiting = asyncio.create_task(queue.take(QUEUE, "worker-2", 30, wait=30))
    clock.advance(31)
    while not waiting.done():  # whenever the queue looks again: its first look may still be under way
        clock.advance(0.25)
        await asyncio.sleep(0.01)
    found = await waiting
    assert found is not None
    assert (found.run, found.generation, found.attempt) == ("news/a/1", 2, 2)
    with pytest.raises(LeaseLost):
        await queue.heartbeat(lost, 30)
    with pytest.raises(LeaseLost):
        await queue.finish(lost, DONE)
    assert (await state_of(queue, "news/a/1")).holder == "worker-2"


async def test_a_heartbeat_keeps_the_ticket(queue: RunQueue, clock: ManualClock) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    ticket = await taken(queue)
    for _ in range(4):
        clock.advance(20)
        await queue.heartbeat(ticket, 30)
    assert await queue.take(QUEUE, "worker-2", 30) is None


async def test_a_ticket_given_back_is_handed_out_at_once(queue: RunQueue) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    first = await taken(queue)
    waiting = asyncio.create_task(queue.take(QUEUE, "worker-2", 30, wait=30))
    assert await queue.heartbeat(first, 0) == "Run"
    again = await waiting
    assert again is not None
    assert (again.run, again.generation, again.attempt) == ("news/a/1", 2, 1)


async def test_a_claim_that_is_repeated_gets_the_same_ticket(queue: RunQueue) -> None:
    for number in range(2):
        await queue.submit(f"run/{number}", QUEUE, b"")
    first = await queue.take(QUEUE, "worker-1", 30, claim="one")
    assert await queue.take(QUEUE, "worker-1", 30, claim="one") == first
    other = await queue.take(QUEUE, "worker-1", 30, claim="two")
    assert first is not None
    assert other is not None
    assert other.run != first.run
    await queue.finish(first, DONE)
    assert await queue.take(QUEUE, "worker-1", 30, claim="one") is None


async def test_repeats_of_whoever_got_no_answer_change_nothing(queue: RunQueue) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    ticket = await taken(queue)
    for _ in range(2):
        await queue.finish(ticket, WAITS)
    for _ in range(2):
        await queue.update("news/a/1", b"answers", "Run")
    await queue.finish(ticket, WAITS)  # late, when the run goes on already
    assert (await state_of(queue, "news/a/1")).state == "Waiting"


async def test_what_is_not_there_is_named(queue: RunQueue) -> None:
    with pytest.raises(NoSuchRun, match="news/a/1"):
        await queue.update("news/a/1", None, "Run")
    with pytest.raises(LeaseLost, match="news/a/1"):
        await queue.heartbeat(TaskLease("news/a/1", QUEUE, "worker-1", 1, 1, b""), 30)


async def test_changes_are_followed_without_gap(queue: RunQueue, clock: ManualClock) -> None:
    for number in range(5):
        await queue.submit(f"run/{number}", QUEUE, b"")
        clock.advance(1)
    first = await queue.changes(0, 3)
    rest = await queue.changes(first[-1][0], 100)
    assert [run for _, run in first + rest] == [f"run/{number}" for number in range(5)]
    last = rest[-1][0]
    assert await queue.changes(last, 100) == []
    waiting = asyncio.create_task(queue.changes(last, 100, wait=30))
    ticket = await taken(queue)
    changed = await waiting
    assert [run for _, run in changed] == ["run/0"]
    await queue.heartbeat(ticket, 30)
    assert await queue.changes(changed[-1][0], 100) == []
    await queue.finish(ticket, DONE)
    assert [run for _, run in await queue.changes(0, 100)][-1] == "run/0"


async def test_a_follower_who_is_ahead_of_a_store_that_was_set_back_begins_anew(queue: RunQueue) -> None:
    await queue.submit("news/a/1", QUEUE, b"")
    assert [run for _, run in await queue.changes(10**9, 10)] == ["news/a/1"]


async def test_many_workers_share_a_queue(queue: RunQueue) -> None:
    await asyncio.gather(*(queue.submit(f"run/{number}", QUEUE, b"{}") for number in range(60)))

    async def work(holder: str) -> list[str]:
        done = []
        while ticket := await queue.take(QUEUE, holder, 30):
            await queue.heartbeat(ticket, 30, b'{"half":true}')
            await queue.finish(ticket, DONE)
            done.append(ticket.run)
        return done

    worked = await asyncio.gather(*(work(f"worker-{number}") for number in range(8)))
    assert sorted(run for runs in worked for run in runs) == sorted(f"run/{n}" for n in range(60))
    assert len(await queue.changes(0, 1000)) == 60
