"""A run store over HTTP: what pods of runs and workers hold in their hands. The server is `server.runs`."""

from collections.abc import AsyncIterator, Sequence

import httpx2

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.client.frames import FrameReader, frames
from agent_runtime.durable.client.transport import PATIENCE, HttpCalls, Query
from agent_runtime.durable.client.wire import boundary_from_wire, commit_to_wire, records_to_wire
from agent_runtime.durable.port import (
    Boundary,
    Entry,
    Record,
    RunSummary,
    Unavailable,
    Writer,
)


class HttpRunStore:
    """See `durable.port.RunStore`. May also raise `transport.Refused`: 401, 403, and 413 for too much."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience: float = PATIENCE,
        clock: Clock = SYSTEM_CLOCK,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        """`url` is the server's base URL; a server that is away is asked again for `patience` seconds."""
        self._calls = HttpCalls(url, token, patience=patience, clock=clock, client=client)

    async def open(self) -> None:
        """Connections are made when they are needed."""

    async def close(self) -> None:
        await self._calls.close()

    async def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        query: Query = {"run": run, "holder": holder, "ttl": ttl, "takeOver": take_over}
        answer = await self._calls.json("POST", "/v1/lease", query)
        with self._calls.understood():
            return Writer(run, holder, int(answer["generation"]))

    async def renew(self, writer: Writer, ttl: float) -> None:
        await self._calls.call("PUT", "/v1/lease", {**_named(writer), "ttl": ttl})

    async def release(self, writer: Writer) -> None:
        await self._calls.call("DELETE", "/v1/lease", _named(writer))

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        content = commit_to_wire(entries, drop)
        await self._calls.call("POST", "/v1/commit", {**_named(writer), "keep": keep}, content)

    async def latest(self, run: str) -> Entry | None:
        return await self._entry({"run": run})

    async def entry(self, run: str, number: int) -> Entry | None:
        return await self._entry({"run": run, "number": number})

    async def _entry(self, query: Query) -> Entry | None:
        response = await self._calls.call("GET", "/v1/entry", query)
        with self._calls.understood():
            for head, body in frames(response.content):
                return Entry(boundary_from_wire(head), body)
        return None

    async def history(self, run: str) -> list[Boundary]:
        answer = await self._calls.json("GET", "/v1/history", {"run": run})
        with self._calls.understood():
            return [boundary_from_wire(one) for one in answer["boundaries"]]

    async def record(self, writer: Writer, records: Sequence[Record]) -> None:
        await self._calls.call("POST", "/v1/records", _named(writer), records_to_wire(records))

    async def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, bytes]]:
        last = after
        pauses = self._calls.patience.pauses()
        while True:
            try:
                query: Query = {"run": run, "path": path, "visit": visit, "after": last}
                async with self._calls.stream("GET", "/v1/records", query) as response:
                    reader = FrameReader()
                    async for piece in response.aiter_bytes():
                        for (index,), body in reader.feed(piece):
                            last = index
                            pauses = self._calls.patience.pauses()  # it is going on: patience begins anew
                            yield index, body
                    reader.end()
                    return
            except (Unavailable, ValueError) as error:
                pause = next(pauses, None)
                if pause is None:
                    with self._calls.understood():
                        raise error
                await self._calls.patience.sleep(pause)

    async def count_records(self, run: str, path: str, visit: int) -> int:
        query: Query = {"run": run, "path": path, "visit": visit}
        answer = await self._calls.json("GET", "/v1/records/count", query)
        with self._calls.understood():
            return int(answer["count"])

    async def fork(self, run: str, number: int | None, into: str) -> Boundary:
        query: Query = {"run": run, "number": number, "into": into}
        answer = await self._calls.json("POST", "/v1/fork", query)
        with self._calls.understood():
            return boundary_from_wire(answer["boundary"])

    async def delete(self, run: str) -> None:
        await self._calls.call("DELETE", "/v1/runs", {"run": run})

    async def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        query: Query = {"prefix": prefix, "limit": limit}
        answer = await self._calls.json("GET", "/v1/runs", query)
        with self._calls.understood():
            return [RunSummary(one["run"], boundary_from_wire(one["latest"])) for one in answer["runs"]]

    async def cached(self, scope: str, key: str) -> bytes | None:
        response = await self._calls.call("GET", "/v1/cache", {"scope": scope, "key": key})
        return None if response.status_code == 204 else response.content

    async def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        await self._calls.call("PUT", "/v1/cache", {"scope": scope, "key": key, "ttl": ttl}, body)


def _named(writer: Writer) -> dict[str, str | int]:
    return {"run": writer.run, "holder": writer.holder, "generation": writer.generation}
