"""A blocking store for an event loop: its steps run one after the other in a thread of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from agent_runtime.durable.port import BlockingRunStore, Boundary, Entry, Record, RunSummary, Writer

T = TypeVar("T")

_PAGE = 200


class ThreadedRunStore:
    """See `port.RunStore`."""

    def __init__(self, store: BlockingRunStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-store")

    async def open(self) -> None:
        await self._do(self._store.open)

    async def close(self) -> None:
        await self._do(self._store.close)
        self._thread.shutdown(wait=False)

    async def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        return await self._do(partial(self._store.acquire, run, holder, ttl, take_over=take_over))

    async def renew(self, writer: Writer, ttl: float) -> None:
        await self._do(partial(self._store.renew, writer, ttl))

    async def release(self, writer: Writer) -> None:
        await self._do(partial(self._store.release, writer))

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        await self._do(partial(self._store.commit, writer, entries, keep=keep, drop=drop))

    async def latest(self, run: str) -> Entry | None:
        return await self._do(partial(self._store.latest, run))

    async def entry(self, run: str, number: int) -> Entry | None:
        return await self._do(partial(self._store.entry, run, number))

    async def history(self, run: str) -> list[Boundary]:
        return await self._do(partial(self._store.history, run))

    async def record(self, writer: Writer, records: Sequence[Record]) -> None:
        await self._do(partial(self._store.record, writer, records))

    async def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, bytes]]:
        records = self._store.records(run, path, visit, after=after)
        while page := await self._do(partial(_page, records)):
            for record in page:
                yield record

    async def count_records(self, run: str, path: str, visit: int) -> int:
        return await self._do(partial(self._store.count_records, run, path, visit))

    async def fork(self, run: str, number: int | None, into: str) -> Boundary:
        return await self._do(partial(self._store.fork, run, number, into))

    async def delete(self, run: str) -> None:
        await self._do(partial(self._store.delete, run))

    async def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        return await self._do(partial(self._store.runs, prefix, limit))

    async def cached(self, scope: str, key: str) -> bytes | None:
        return await self._do(partial(self._store.cached, scope, key))

    async def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        await self._do(partial(self._store.cache, scope, key, body, ttl))

    async def _do(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)


def _page(records: Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return list(islice(records, _PAGE))
