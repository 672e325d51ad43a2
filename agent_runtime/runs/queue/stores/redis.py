"""The queue in Redis, shared by any number of server processes.

A rule is applied to the row that was read, and put in place by a script if nobody was faster; else again.
All keys have one hash tag. Redis should run with `appendonly yes`: then what was answered survives its death.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any

from redis.exceptions import OutOfMemoryError, RedisError

from agent_runtime.durable.port import StoreFull, Unavailable
from agent_runtime.runs.queue.port import NotQueued
from agent_runtime.runs.queue.rules import Row, noteworthy
from agent_runtime.runs.queue.stores.port import COLUMNS, Rule, differences
from agent_runtime.storage.redis import connect, of_script
from agent_runtime.storage.redis_undo import whole_or_nothing

PREFIX = "covey:{runs-queue}:"

_SETTLED_AT_ONCE = 100
_BYTES = frozenset({"body", "outcome", "progress"})
_NUMBERS = frozenset({"place", "generation", "attempts", "until", "settled"})

_Fields = dict[bytes, bytes]
"""A row as Redis keeps it, with its `version`; what is None is left out."""


class RedisQueueStore:
    """See `stores.port.QueueStore`."""

    def __init__(self, url: str, *, prefix: str = PREFIX) -> None:
        """`url` as redis://:password@host:6379/0."""
        self._client = connect(url)
        self._prefix = prefix
        folder = files(__package__) / "lua"
        self._put, self._first, self._delete = (
            self._client.register_script(whole_or_nothing("", (folder / f"{name}.lua").read_text()))
            for name in ("put", "first", "delete")
        )
        self._claiming = asyncio.Lock()

    async def open(self) -> None:
        """Connections are made when they are needed: a server may start before its Redis, and says so."""

    async def close(self) -> None:
        await self._client.aclose()

    async def ping(self) -> None:
        with _unavailable():
            # a write: a replica, a full disk or memory at its limit would answer a mere PING
            await self._client.set(self._prefix + "ping", "")

    async def insert(self, row: Row) -> bool:
        return await self._replace(None, b"", row)

    async def get(self, run: str) -> Row | None:
        found = await self._read(run)
        return _row(found) if found else None

    async def change(self, run: str, rule: Rule) -> Row:
        while True:
            found = await self._read(run)
            if not found:
                raise NotQueued(run)
            old = _row(found)
            new = rule(old)
            if new == old or await self._replace(old, found[b"version"], new):
                return new

    async def claim(self, queue: str, claim: str | None, rule: Rule) -> Row | None:
        async with self._claiming:  # all want the same row: one after the other is faster
            while True:
                found = await self._run(self._first, queue, claim or "")
                if not found:
                    return None
                fields = dict(zip(found[::2], found[1::2], strict=True))
                old = _row(fields)
                if claim is not None and old.claim == claim:
                    return old
                new = rule(old)
                if await self._replace(old, fields[b"version"], new):
                    return new

    async def settle(self, now: int, rule: Rule) -> int:
        with _unavailable():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.zrangebyscore(self._prefix + "running", "-inf", now, start=0, num=_SETTLED_AT_ONCE)
                pipe.get(self._prefix + "sequence")
                due, last = await pipe.execute()
        for run in due:
            with suppress(NotQueued):  # removed meanwhile
                await self.change(run.decode(), rule)
        return await self._last() if due else int(last or 0)

    async def _last(self) -> int:
        with _unavailable():
            return int(await self._client.get(self._prefix + "sequence") or 0)

    async def counts(self) -> dict[tuple[str, str], int]:
        with _unavailable():
            found: Any = await self._client.hgetall(self._prefix + "counts")
        names = {name.decode().rpartition("\n"): int(count) for name, count in found.items()}
        return {(queue, state): count for (queue, _, state), count in names.items()}

    async def delete(self, run: str) -> None:
        await self._run(self._delete, run)

    async def changes(self, after: int, limit: int) -> list[tuple[int, str]]:
        begin = f"({after}" if after <= await self._last() else "(0"
        with _unavailable():
            found: Any = await self._client.zrangebyscore(
                self._prefix + "changes", begin, "+inf", start=0, num=limit, withscores=True
            )
        return [(int(sequence), run.decode()) for run, sequence in found]

    async def _read(self, run: str) -> _Fields:
        with _unavailable():
            found: Any = await self._client.hgetall(f"{self._prefix}row:{run}")
        return dict(found)

    async def _replace(self, old: Row | None, version: bytes, new: Row) -> bool:
        """False when the row is no longer of that version."""
        names = {name: getattr(new, name) for name in COLUMNS} if old is None else differences(old, new)
        sets = [part for name, value in names.items() if value is not None for part in (name, value)]
        clears = [name for name, value in names.items() if value is None]
        done = await self._run(
            self._put,
            *(new.run, version, new.queue, "" if old is None else old.state, new.state, new.place),
            *("" if new.until is None else new.until, (old and old.claim) or "", new.claim or ""),
            *(int(old is None or noteworthy(old, new)), len(sets) // 2, *sets, *clears),
        )
        return bool(done)

    async def _run(self, script: Callable[..., Awaitable[Any]], *args: str | bytes | int) -> Any:
        with _unavailable():
            return await script(keys=[self._prefix], args=args)


def _row(fields: _Fields) -> Row:
    return Row(
        **{
            name.decode(): _value(name.decode(), value)
            for name, value in fields.items()
            if name != b"version"
        }
    )


def _value(name: str, value: bytes) -> Any:
    if name in _BYTES:
        return value
    return int(value) if name in _NUMBERS else value.decode()


@contextmanager
def _unavailable() -> Iterator[None]:
    """Every error of Redis means that the store cannot do it now: away, loading, read-only."""
    try:
        yield
    except (RedisError, OSError) as error:
        met = of_script(error)
        kind = StoreFull if isinstance(met, OutOfMemoryError) else Unavailable
        raise kind(f"{type(met).__name__}: {met}") from error
