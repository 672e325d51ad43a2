"""What a node writes down while it works: results of mapped items, facts about the visit.

    records = records_of(current_visit())
    async for index, result in records.items():     # of a leg before this one
        ...
    await records.put(index, result)                # of this one

They are there for the same visit in every later leg, and go with its end. In a sync run it is
`blocking_records_of`, with the same methods.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import orjson

from agent_runtime.durable.blocking_writing import BlockingWriting
from agent_runtime.durable.journal import Journal
from agent_runtime.durable.port import Record, Unavailable
from agent_runtime.durable.strict_json import dumps
from agent_runtime.durable.writing import Writing
from agent_runtime.flow import Visit

_LOWEST = -(2**31)
FACT = -1
"""The index of a visit's own fact, when it has one."""


def records_of(visit: Visit) -> "VisitRecords | None":
    """The visit's records, in an async run; None when the run is not durable."""
    journal = Journal.of(visit)
    if journal is None:
        return None
    if not isinstance(journal.sink, Writing):
        raise TypeError(f"run {journal.run!r} is sync: use blocking_records_of for {visit.path!r}")
    return VisitRecords(journal, journal.sink, visit)


def was_under_way(visit: Visit) -> bool:
    """Whether a process before this one ended while this visit was, or was to be, under way."""
    journal = Journal.of(visit)
    return journal is not None and journal.was_under_way(visit)


def blocking_records_of(visit: Visit) -> "BlockingVisitRecords | None":
    """The visit's records, in a sync run; None when the run is not durable."""
    journal = Journal.of(visit)
    if journal is None:
        return None
    if not isinstance(journal.sink, BlockingWriting):
        raise TypeError(f"run {journal.run!r} is async: use records_of for {visit.path!r}")
    return BlockingVisitRecords(journal, journal.sink, visit)


class VisitRecords:
    """Records of one visit. Values are JSON (else NotJson); an item's index is 0 or more."""

    def __init__(self, journal: Journal, writing: Writing, visit: Visit) -> None:
        journal.has_records(visit)
        self._writing = writing
        self._place = (journal.run, visit.path, visit.number)

    async def put(self, index: int, value: Any) -> None:
        """Written when this returns; what other tasks put meanwhile goes along in one write."""
        await self._writing.record(_record(self._place, index, value))

    async def fact(self, index: int = FACT) -> Any:
        """What was put under a negative index; None when nothing was."""
        async for found, body in self._read(after=index - 1):
            return orjson.loads(body) if found == index else None
        return None

    async def facts(self, most: int = FACT) -> AsyncIterator[tuple[int, Any]]:
        """What was put under negative indices up to `most`, by index."""
        async for index, body in self._read(after=_LOWEST):
            if index > most:
                return
            yield index, orjson.loads(body)

    async def items(self) -> AsyncIterator[tuple[int, Any]]:
        """The recorded items by index."""
        async for index, body in self._read(after=FACT):
            yield index, orjson.loads(body)

    async def count(self) -> int:
        """How many items are recorded."""
        return await self._writing.patience(partial(self._writing.store.count_records, *self._place))

    async def _read(self, after: int) -> AsyncIterator[tuple[int, bytes]]:
        pauses = self._writing.patience.pauses()
        while True:
            try:
                async for index, body in self._writing.store.records(*self._place, after=after):
                    yield index, body
                    after = index
                return
            except Unavailable:
                pause = next(pauses, None)
                if pause is None:
                    raise
            await self._writing.patience.sleep(pause)


class BlockingVisitRecords:
    """The same in a sync run."""

    def __init__(self, journal: Journal, writing: BlockingWriting, visit: Visit) -> None:
        journal.has_records(visit)
        self._writing = writing
        self._place = (journal.run, visit.path, visit.number)

    def put(self, index: int, value: Any) -> None:
        """Written when this returns."""
        self._writing.record(_record(self._place, index, value))

    def fact(self, index: int = FACT) -> Any:
        """What was put under a negative index; None when nothing was."""
        for found, body in self._writing.store.records(*self._place, after=index - 1):
            return orjson.loads(body) if found == index else None
        return None

    def items(self) -> Iterator[tuple[int, Any]]:
        """The recorded items by index."""
        for index, body in self._writing.store.records(*self._place, after=FACT):
            yield index, orjson.loads(body)

    def count(self) -> int:
        """How many items are recorded."""
        return self._writing.store.count_records(*self._place)


def _record(place: tuple[str, str, int], index: int, value: Any) -> Record:
    _, path, visit = place
    return Record(path, visit, index, dumps(value, f"{path}[{index}]"))
