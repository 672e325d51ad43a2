"""The journal: it never blocks a board, writes all when it can, and says what it lost."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.eventlog.availability import Availability
from agent_runtime.eventlog.brokers.port import LogUnavailable, Track
from agent_runtime.eventlog.journal import EventBuffer
from agent_runtime.eventlog.records import LoggedEvent, read_event

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class ShortLog:
    """A log in a list, which can be away."""

    largest = 1_000_000

    def __init__(self) -> None:
        self.away = False
        self.written: list[tuple[str, int, bytes]] = []

    async def open(self, *, to_write: bool = True) -> None: ...

    async def close(self) -> None: ...

    async def last(self, track: Track) -> bytes | None:
        return None

    async def append_artifacts(self, records: Sequence[tuple[int, bytes]]) -> None: ...

    async def append_events(self, records: Sequence[bytes], instance: str, first: int) -> None:
        if self.away:
            raise LogUnavailable("away")
        self.written += [(instance, number, record) for number, record in enumerate(records, start=first)]

    async def read(self, track: Track) -> AsyncIterator[tuple[str, bytes]]:
        for _, number, record in self.written:
            yield f"{track} {number}", record


def told(log: ShortLog) -> list[LoggedEvent]:
    """What stands in the log."""
    return [read_event(record) for _, _, record in log.written]


def event(n: int) -> BoardEvent:
    """One of many."""
    return BoardEvent(kind="leased", at=NOON, agent="editor", delivery=f"a{n}@editor~1")


def journal_on(log: ShortLog, capacity: int = 10_000) -> tuple[EventBuffer, list[int]]:
    """A journal, and what it says that it lost."""
    lost: list[int] = []
    return EventBuffer(log, "s", Availability(), lambda: NOON, capacity=capacity, on_lost=lost.append), lost


async def test_events_are_numbered_and_written_in_order() -> None:
    log = ShortLog()
    journal, _ = journal_on(log)
    for n in range(1201):
        journal.observe(event(n))
    assert journal.waiting == 1201
    await journal.flush()
    assert [(one.seq, one.delivery) for one in told(log)] == [(n + 1, f"a{n}@editor~1") for n in range(1201)]
    assert journal.waiting == 0


async def test_what_was_not_written_is_written_later_with_the_same_numbers() -> None:
    log = ShortLog()
    journal, lost = journal_on(log)
    log.away = True
    journal.observe(event(1))
    with pytest.raises(LogUnavailable):
        await journal.flush()
    journal.observe(event(2))
    log.away = False
    await journal.flush()
    assert [(number, one.seq) for (_, number, _), one in zip(log.written, told(log), strict=True)] == [
        (1, 1),
        (2, 2),
    ]
    assert lost == []


async def test_a_full_buffer_loses_the_oldest_and_says_how_many() -> None:
    log = ShortLog()
    journal, lost = journal_on(log, capacity=10)
    for n in range(1, 26):
        journal.observe(event(n))
    await journal.flush()
    gap, *others = told(log)
    assert (gap.kind, gap.count, gap.seq) == ("gap", 15, 15)
    assert [one.seq for one in others] == list(range(16, 26))
    assert sum(lost) == 15


async def test_what_is_being_sent_is_not_lost_to_what_comes_after_it() -> None:
    log = ShortLog()
    journal, lost = journal_on(log, capacity=10)
    log.away = True
    journal.observe(event(1))
    with pytest.raises(LogUnavailable):
        await journal.flush()
    for n in range(2, 14):
        journal.observe(event(n))
    log.away = False
    await journal.flush()
    assert [(one.kind, one.seq) for one in told(log)] == [
        ("leased", 1),
        ("gap", 3),
        *[("leased", n) for n in range(4, 14)],
    ]
    assert sum(lost) == 2
