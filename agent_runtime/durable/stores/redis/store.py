"""Runs in Redis, shared by any number of processes.

Each step is one Lua script, so that it is atomic; all keys of a run have one hash tag. Redis should run with
`appendonly yes`: then what was answered survives its death; with `appendfsync always` also the machine's.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote

import orjson
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.times import micros, moment
from agent_runtime.durable.port import (
    Boundary,
    Entry,
    LeaseLost,
    NoSuchRun,
    Record,
    RunExists,
    RunHeld,
    RunSummary,
    StoreFull,
    Unavailable,
    Writer,
)
from agent_runtime.storage.redis import connect, of_script
from agent_runtime.storage.redis_undo import whole_or_nothing

_SCRIPTS = ("acquire", "renew", "commit", "entry", "history", "record", "page", "begin", "delete")
_INDEX = "covey:runs"
"""Sorted: the name of each run by when it was started. A list of hints: what a run is, its own keys say."""
_CACHE = "covey:run-cache:"
_PAGE = 200
_ABOUT_THE_RUN = ("", 0)


class RedisRunStore:
    """See `port.RunStore`."""

    def __init__(self, url: str, clock: Clock = SYSTEM_CLOCK) -> None:
        """`url` as redis://:password@host:6379/0."""
        self._client = connect(url)
        self._clock = clock
        folder = files(__package__) / "lua"
        common = (folder / "common.lua").read_text()
        self._scripts = {
            name: self._client.register_script(whole_or_nothing(common, (folder / f"{name}.lua").read_text()))
            for name in _SCRIPTS
        }

    async def open(self) -> None:
        """Connections are made when they are needed."""

    async def close(self) -> None:
        await self._client.aclose()

    async def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        now = micros(self._clock.now())
        with _failures():
            # First: a run that is not in the index would never be listed; one without boundaries is left out.
            await self._client.zadd(_INDEX, {_quoted(run): now}, nx=True)
        answer = await self._run("acquire", run, holder, now, self._until(ttl), int(take_over))
        if answer[0] == b"held":
            raise RunHeld(run, answer[1].decode(), moment(int(answer[2])))
        return Writer(run, holder, int(answer[1]))

    async def renew(self, writer: Writer, ttl: float) -> None:
        await self._write("renew", writer, self._until(ttl))

    async def release(self, writer: Writer) -> None:
        await self._run("renew", writer.run, writer.holder, writer.generation, 0)

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        visits = [_visit(path, visit) for path, visit in drop]
        told = [part for entry in entries for part in _entry(entry)]
        await self._write("commit", writer, keep, len(visits), *visits, *told)

    async def latest(self, run: str) -> Entry | None:
        return _read(await self._run("entry", run, ""))

    async def entry(self, run: str, number: int) -> Entry | None:
        return _read(await self._run("entry", run, number))

    async def history(self, run: str) -> list[Boundary]:
        return [_boundary(head) for head in await self._run("history", run)]

    async def record(self, writer: Writer, records: Sequence[Record]) -> None:
        told = [part for one in records for part in (_visit(one.path, one.visit), one.index, one.body)]
        await self._write("record", writer, *told)

    async def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, bytes]]:
        while page := await self._page(run, path, visit, after):
            for index, body in page:
                yield index, body
            after = page[-1][0]

    async def _page(self, run: str, path: str, visit: int, after: int | None) -> list[tuple[int, bytes]]:
        least = "-inf" if after is None else f"({after}"
        answer = await self._run("page", run, _visit(path, visit), least, _PAGE)
        return [(int(index), body) for index, body in zip(answer[::2], answer[1::2], strict=True)]

    async def count_records(self, run: str, path: str, visit: int) -> int:
        with _failures():
            key = f"{_prefix(run)}order:{_visit(path, visit)}"
            count: int = await self._client.zcount(key, 0, "+inf")
        return count

    async def fork(self, run: str, number: int | None, into: str) -> Boundary:
        found = await (self.latest(run) if number is None else self.entry(run, number))
        if found is None:
            raise NoSuchRun(run, number, [boundary.number for boundary in await self.history(run)])
        records = [part async for record in self.records(run, *_ABOUT_THE_RUN) for part in record]
        with _failures():
            await self._client.zadd(_INDEX, {_quoted(into): micros(self._clock.now())}, nx=True)
        answer = await self._run("begin", into, *_entry(found), _visit(*_ABOUT_THE_RUN), *records)
        if answer[0] != b"ok":
            raise RunExists(into)
        return found.boundary

    async def delete(self, run: str) -> None:
        await self._run("delete", run)
        with _failures():
            await self._client.zrem(_INDEX, _quoted(run))

    async def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        found: list[RunSummary] = []
        begin = 0
        while len(found) < limit:
            with _failures():
                names: list[Any] = await self._client.zrevrange(_INDEX, begin, begin + _PAGE - 1)
            if not names:
                break
            begin += len(names)
            for run in (unquote(name.decode()) for name in names):
                if run.startswith(prefix) and len(found) < limit:
                    found += [RunSummary(run, boundary) for boundary in (await self.history(run))[-1:]]
        return found

    async def cached(self, scope: str, key: str) -> bytes | None:
        with _failures():
            kept: Any = await self._client.get(_cache_key(scope, key))
        if kept is None:
            return None
        until, _, body = kept.partition(b"\n")
        return body if int(until) > micros(self._clock.now()) else None

    async def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        kept = b"%d\n%s" % (self._until(ttl), body)
        with _failures():
            await self._client.set(_cache_key(scope, key), kept, px=max(1, int(ttl * 1000)))

    async def _write(self, script: str, writer: Writer, *args: str | int | bytes) -> None:
        answer = await self._run(script, writer.run, writer.holder, writer.generation, *args)
        if answer[0] != b"ok":
            raise LeaseLost(writer.run, writer.generation)

    async def _run(self, script: str, run: str, *args: str | int | bytes) -> list[Any]:
        with _failures():
            answer: list[Any] = await self._scripts[script](keys=[_prefix(run)], args=args)
        return answer

    def _until(self, ttl: float) -> int:
        return micros(self._clock.now() + timedelta(seconds=ttl))


def _prefix(run: str) -> str:
    # Quoted, so that a brace in the name does not end the hash tag.
    return f"covey:{{run:{_quoted(run)}}}:"


def _quoted(run: str) -> str:
    return quote(run, safe="/")


def _cache_key(scope: str, key: str) -> str:
    return f"{_CACHE}{_quoted(scope)}:{_quoted(key)}"


def _visit(path: str, visit: int) -> str:
    return orjson.dumps([path, visit]).decode()


def _entry(entry: Entry) -> tuple[int, bytes, bytes]:
    at = entry.boundary
    head = orjson.dumps([at.number, at.path, at.visit, at.action, micros(at.at)])
    return at.number, head, entry.body


def _read(answer: list[Any]) -> Entry | None:
    return Entry(_boundary(answer[0]), answer[1]) if answer else None


def _boundary(head: bytes) -> Boundary:
    number, path, visit, action, at = orjson.loads(head)
    return Boundary(number, path, visit, action, moment(at))


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        met = of_script(error)
        if isinstance(met, OutOfMemoryError):
            raise StoreFull(f"Redis: {met}: raise maxmemory or make room, then resume the run") from error
        if isinstance(met, ResponseError) and "No space left" in str(met):
            raise StoreFull(f"Redis: {met}: make room on its disk, then resume the run") from error
        raise Unavailable(f"{type(met).__name__}: {met}") from error
