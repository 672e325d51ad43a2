"""What a replay makes of a log that is not whole, and of a store that is not empty."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.errors import NotEmpty
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from agent_runtime.eventlog.brokers.port import EventLog, Track
from agent_runtime.eventlog.recorder import Recorder
from agent_runtime.eventlog.replay.rebuild import rebuild
from tests.contract.boards import EDITOR, REGISTRY, SCOUT, Clock, consumes, finding, report
from tests.contract.eventlog.logs import records


class Altered:
    """A log as it reads when something became of its records."""

    def __init__(self, log: EventLog, **tracks: Callable[[list[bytes]], Sequence[bytes]]) -> None:
        """`tracks`: what becomes of the records of the tracks that are named."""
        self._log = log
        self._tracks = tracks
        self.largest = log.largest

    async def read(self, track: Track) -> AsyncIterator[tuple[str, bytes]]:
        found = await records(self._log, track)
        for at, record in enumerate(self._tracks.get(track, list)(found)):
            yield f"{track} {at}", record

    async def open(self, *, to_write: bool = True) -> None: ...

    async def close(self) -> None: ...

    async def last(self, track: Track) -> bytes | None:
        return await self._log.last(track)

    async def append_artifacts(self, records: Sequence[tuple[int, bytes]]) -> None: ...

    async def append_events(self, records: Sequence[bytes], instance: str, first: int) -> None: ...


@asynccontextmanager
async def logged_board(log: EventLog, clock: Clock, store: Store) -> AsyncIterator[BlackboardService]:
    """A board with a log; when the block ends, all is in it."""
    recorder = Recorder(store, log, clock)
    async with BlackboardService(store, REGISTRY, clock=clock, observer=recorder.observe) as service:
        async with recorder:
            yield service
        await log.open()


async def work(service: BlackboardService, clock: Clock, count: int, finished: int) -> None:
    """Publish findings for the editor, who finishes the first of them; a second passes with each."""
    await service.board(EDITOR).subscribe([consumes()])
    for n in range(1, count + 1):
        clock.advance(1)
        await service.board(SCOUT).publish([finding(id=f"a{n}")])
    leased = await service.board(EDITOR).lease(finished, 0) if finished else []
    for delivery in leased:
        clock.advance(1)
        await service.board(EDITOR).acknowledge(delivery.id, [])


async def open_deliveries(store: Store) -> list[str]:
    """The names of the deliveries on a board, in order."""
    return [kept.plan.name for kept in (await store.snapshot()).deliveries]


def of_the_editor(first: int, last: int) -> list[str]:
    """Names of deliveries of findings."""
    return [f"a{n}@editor" for n in range(first, last + 1)]


async def test_what_the_last_events_finished_is_delivered_again(redis_log: EventLog, clock: Clock) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=6, finished=4)
    crashed = Altered(redis_log, events=lambda found: [one for one in found if b'"acknowledged"' not in one])
    store = MemoryStore(Limits())
    done = await rebuild(crashed, store)
    assert await open_deliveries(store) == of_the_editor(1, 6)
    assert done.lost_events == 0  # of the last ones nobody can know


async def test_an_artifact_of_which_no_event_tells_is_matched_again(
    redis_log: EventLog, clock: Clock
) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=6, finished=4)

    def lost(found: list[bytes]) -> list[bytes]:
        return [one for one in found if b"acknow" in one or not (b'"a5"' in one or b'"a2"' in one)]

    store = MemoryStore(Limits())
    done = await rebuild(Altered(redis_log, events=lost), store)
    assert await open_deliveries(store) == of_the_editor(5, 6)
    assert done.matched_again == 2


async def test_records_that_stand_twice_count_once(redis_log: EventLog, clock: Clock) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=6, finished=4)
    twice = Altered(redis_log, events=lambda found: found + found, artifacts=lambda found: found[:3] + found)
    store = MemoryStore(Limits())
    done = await rebuild(twice, store)
    assert await open_deliveries(store) == of_the_editor(5, 6)
    assert (done.artifacts, done.lost_events) == (6, 0)


GARBLED = (
    b"",
    b"not json",
    b"[1]",
    b'{"v":2,"kind":"published"}',
    b'{"v":1,"kind":"published","position":0,"artifact":{"id":"x"}}',
    b'{"v":1,"kind":"published","position":7,"artifact":{"id":["x"]}}',
    b'{"v":1,"kind":"published","position":7,"artifact":{"id":"x","type":3}}',
    b'{"v":1,"kind":"acknowledged","at":"yesterday","instance":"i","seq":1}',
    b'{"v":1,"kind":"acknowledged","at":"2026-11-01T12:00:00","instance":"i","seq":1}',
    b'{"v":1,"kind":"published","at":"2026-11-01T12:00:00Z","instance":"i","seq":1,"planned":[{"name":1}]}',
)


async def test_records_that_are_none_are_named_and_left_out(redis_log: EventLog, clock: Clock) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=6, finished=4)

    def garble(found: list[bytes]) -> list[bytes]:
        return [found[0], *GARBLED, *found[1:]]

    store = MemoryStore(Limits())
    done = await rebuild(Altered(redis_log, artifacts=garble, events=garble), store)
    assert await open_deliveries(store) == of_the_editor(5, 6)
    assert (done.artifacts, done.unreadable) == (6, 2 * len(GARBLED))
    assert done.unread[0].startswith("events 1: it is not JSON")


async def test_a_log_that_lost_its_beginning_delivers_what_it_knows(
    redis_log: EventLog, clock: Clock
) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=6, finished=1)

    def trimmed(found: list[bytes]) -> list[bytes]:
        [start] = [at for at, one in enumerate(found) if b'"published"' in one and b'"artifact":"a4"' in one]
        return found[start:]

    store = MemoryStore(Limits())
    done = await rebuild(Altered(redis_log, events=trimmed), store)
    assert await open_deliveries(store) == of_the_editor(4, 6)
    assert (done.artifacts, done.out_of_sight, done.trimmed) == (6, 3, True)


async def test_a_delivery_whose_artifact_is_not_in_the_log_is_left_out(
    redis_log: EventLog, clock: Clock
) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=3, finished=0)
        [delivery] = await service.board(EDITOR).lease(1, 0)
        await service.board(EDITOR).fail(delivery.id, "it broke", retry_in=None)
    store = MemoryStore(Limits())
    done = await rebuild(Altered(redis_log, artifacts=lambda found: found[1:]), store)
    assert await open_deliveries(store) == of_the_editor(2, 3)
    assert (done.without_artifacts, await store.dead_letters(10)) == (1, [])


async def test_a_log_that_begins_with_a_board_that_is_there(redis_log: EventLog, clock: Clock) -> None:
    before = MemoryStore(Limits())
    async with BlackboardService(before, REGISTRY, clock=clock) as service:
        join = consumes("Finding", "Report", join={"window": "1m"}, batch={"size": 2, "within": "1m"})
        await service.board(EDITOR).subscribe([consumes(), join])
        await service.board(SCOUT).publish([finding(correlation="two"), report(correlation="two")])
        [whole] = await service.board(EDITOR).lease(1, 0)  # its set waits for another
        await service.board(EDITOR).acknowledge(whole.id, [])
        await service.board(SCOUT).publish([finding(id=f"a{n}", correlation="one") for n in range(1, 5)])
        [first, second] = await service.board(EDITOR).lease(2, 0)
        await service.board(EDITOR).acknowledge(first.id, [])
        await service.board(EDITOR).fail(second.id, "it broke", retry_in=None)
        expected = await before.snapshot()
        clock.advance(1)
        async with Recorder(before, redis_log, clock):
            pass  # when it ends, all is in the log
    await redis_log.open()
    after = MemoryStore(Limits())
    await rebuild(redis_log, after)
    assert (await after.snapshot()).deliveries == expected.deliveries
    assert (await after.snapshot()).dead_letters == expected.dead_letters
    assert (await after.subscribers()).members == expected.subscribers


async def test_the_board_as_it_was(redis_log: EventLog, clock: Clock, tmp_path: Path) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=6, finished=4)
    at = datetime.fromisoformat("2026-11-01T12:00:08Z")  # six publications, two acknowledgements
    store = SqliteStore(tmp_path / "board.sqlite", Limits())
    await store.open()
    await rebuild(redis_log, store, at)
    assert await open_deliveries(store) == of_the_editor(3, 6)
    await store.close()


async def test_only_an_empty_store_is_taken(redis_log: EventLog, clock: Clock) -> None:
    store = MemoryStore(Limits())
    async with logged_board(redis_log, clock, store) as service:
        await work(service, clock, count=2, finished=0)
    with pytest.raises(NotEmpty):
        await rebuild(redis_log, store)


async def test_one_that_was_interrupted_goes_on(redis_log: EventLog, clock: Clock) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=3, finished=1)

    def broken_off(found: list[bytes]) -> list[bytes]:
        raise InterruptedError

    store = MemoryStore(Limits())
    with pytest.raises(InterruptedError):
        await rebuild(Altered(redis_log, artifacts=broken_off), store)
    await rebuild(redis_log, store)
    assert await open_deliveries(store) == of_the_editor(2, 3)
    assert len(await store.scan(Query(limit=10), 0)) == 3


async def test_without_a_store_it_only_looks(redis_log: EventLog, clock: Clock) -> None:
    async with logged_board(redis_log, clock, MemoryStore(Limits())) as service:
        await work(service, clock, count=3, finished=1)
    done = await rebuild(redis_log, None)
    assert (done.artifacts, done.deliveries, done.subscribers) == (3, 2, 1)
