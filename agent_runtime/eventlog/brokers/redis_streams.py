"""An event log in two Redis streams. An artifact's position is its entry's id, so that none stands twice."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from agent_runtime.eventlog.brokers.port import LogUnavailable, Track
from agent_runtime.storage.redis import connect

_PAGE = 500
_FIELD = b"record"
_THERE = "equal or smaller"
"""What Redis says of an id that is not behind the last one."""


class RedisStreams:
    """See `brokers.port.EventLog`."""

    largest = 256 * 1024 * 1024

    def __init__(self, url: str, board: str, max_length: int) -> None:
        """`url` as redis://:password@host:6379/0; `board` as `namespace/name`.

        Of each stream, about `max_length` entries are kept, the newest.
        """
        self._client: redis.asyncio.Redis = connect(url)
        self._prefix = f"covey:{{{board}}}:log:"
        self._max_length = max_length

    async def open(self, *, to_write: bool = True) -> None:
        with _unavailable():
            await self._client.ping()

    async def close(self) -> None:
        await self._client.aclose()

    async def last(self, track: Track) -> bytes | None:
        with _unavailable():
            rows = _rows(await self._client.xrevrange(self._prefix + track, count=1))
        return _record(rows[0][1]) if rows else None

    async def append_artifacts(self, records: Sequence[tuple[int, bytes]]) -> None:
        with _unavailable():
            async with self._client.pipeline(transaction=True) as pipe:
                for position, record in records:
                    self._add(pipe, "artifacts", record, f"{position}-0")
                for answer in await pipe.execute(raise_on_error=False):
                    if isinstance(answer, Exception) and not _is_there(answer):
                        raise answer

    async def append_events(self, records: Sequence[bytes], instance: str, first: int) -> None:
        with _unavailable():
            async with self._client.pipeline(transaction=True) as pipe:
                for record in records:
                    self._add(pipe, "events", record, "*")
                await pipe.execute()

    def _add(self, pipe: "redis.asyncio.client.Pipeline", track: Track, record: bytes, id_: str) -> None:
        pipe.xadd(self._prefix + track, {_FIELD: record}, id=id_, maxlen=self._max_length, approximate=True)

    async def read(self, track: Track) -> AsyncIterator[tuple[str, bytes]]:
        with _unavailable():
            newest = _rows(await self._client.xrevrange(self._prefix + track, count=1))
        after, end = "-", newest[0][0].decode() if newest else "0-0"
        while True:
            with _unavailable():
                rows = _rows(await self._client.xrange(self._prefix + track, after, end, count=_PAGE))
            for id_, fields in rows:
                yield f"{track} {id_.decode()}", _record(fields)
            if len(rows) < _PAGE:
                return
            after = f"({rows[-1][0].decode()}"


def _rows(answer: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    return cast(list[tuple[bytes, dict[bytes, bytes]]], answer)


def _record(fields: dict[bytes, bytes]) -> bytes:
    """Of an entry that somebody else wrote, nothing, which is no record."""
    return fields.get(_FIELD, b"")


def _is_there(answer: Exception) -> bool:
    return isinstance(answer, ResponseError) and _THERE in str(answer)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise LogUnavailable(f"the event log in Redis: {error}") from error
