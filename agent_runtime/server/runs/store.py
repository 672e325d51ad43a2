"""The run store's routes: `durable.port.RunStore` over HTTP, each call held to what its caller may do."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi.responses import Response, StreamingResponse

from agent_runtime.durable.client.wire import boundary_to_wire, entry_to_wire, item_to_wire
from agent_runtime.durable.port import RunStore, Writer
from agent_runtime.runs.queue.access import Access
from agent_runtime.server.http.errors import ApiError
from agent_runtime.server.runs.metrics import RunsMetrics
from agent_runtime.server.runs.routes import Call, Routes
from agent_runtime.server.runs.wire import (
    AcquireQuery,
    CachedQuery,
    CacheQuery,
    CommitQuery,
    EntryQuery,
    ForkQuery,
    RecordsQuery,
    RenewQuery,
    RunQuery,
    RunsQuery,
    VisitQuery,
    WriterQuery,
    commit_from_wire,
    records_from_wire,
)

_PIECE = 65_536
"""Bytes of records that are sent at once, about: a page in memory, however many there are."""
_FRAMES = "application/vnd.covey.frames"
_BYTES = "application/octet-stream"
_FRAMES_OF = "Frames (a line of JSON that ends with a length, so many bytes, a newline): "


class StoreRoutes:
    """Every handler checks the caller, then asks the store."""

    def __init__(self, store: RunStore, access: Access, metrics: RunsMetrics) -> None:
        self._store = store
        self._access = access
        self._metrics = metrics

    def add_to(self, routes: Routes) -> None:
        """Put them on the app."""
        add = routes.add
        add("POST", "/v1/lease", AcquireQuery, self.acquire, answer='{"generation": N}')
        add("PUT", "/v1/lease", RenewQuery, self.renew)
        add("DELETE", "/v1/lease", WriterQuery, self.release)
        entries = _FRAMES_OF + "the visits whose records go, then each boundary with its checkpoint."
        add("POST", "/v1/commit", CommitQuery, self.commit, body=entries)
        add("GET", "/v1/entry", EntryQuery, self.entry, answer=_FRAMES_OF + "the boundary, its checkpoint.")
        add("GET", "/v1/history", RunQuery, self.history, answer='{"boundaries": [[number, ...]]}')
        add("GET", "/v1/progress", RunQuery, self.progress, answer='{"boundary", "ended", "extra"}')
        records = _FRAMES_OF + "[path, visit, index] and the record."
        add("POST", "/v1/records", WriterQuery, self.record, body=records)
        add("GET", "/v1/records", RecordsQuery, self.records, answer=_FRAMES_OF + "[index] and the record.")
        add("GET", "/v1/records/count", VisitQuery, self.count_records, answer='{"count": N}')
        add("POST", "/v1/fork", ForkQuery, self.fork, answer='{"boundary": [number, ...]}')
        add("GET", "/v1/runs", RunsQuery, self.runs, answer='{"runs": [{"run", "latest"}]}')
        add("DELETE", "/v1/runs", RunQuery, self.delete)
        add("GET", "/v1/cache", CachedQuery, self.cached, answer="The value; 204 when there is none.")
        add("PUT", "/v1/cache", CacheQuery, self.cache, body="The value.")

    async def acquire(self, call: Call[AcquireQuery]) -> Response:
        """Become the writer of a run. 409 `run_held`: another process is."""
        query = call.query
        await self._access.write(call.caller, query.run)
        writer = await self._store.acquire(query.run, query.holder, query.ttl, take_over=query.take_over)
        return _json({"generation": writer.generation})

    async def renew(self, call: Call[RenewQuery]) -> Response:
        """Hold the run for longer. 409 `lease_lost`: somebody else acquired it."""
        await self._store.renew(await self._writer(call), call.query.ttl)
        return Response(status_code=204)

    async def release(self, call: Call[WriterQuery]) -> Response:
        """Let others acquire the run at once."""
        await self._store.release(await self._writer(call))
        return Response(status_code=204)

    async def commit(self, call: Call[CommitQuery]) -> Response:
        """Append to the run's history, all or nothing. 409 `lease_lost`."""
        writer = await self._writer(call)
        entries, drop = commit_from_wire(await call.request.body())
        await self._store.commit(writer, entries, keep=call.query.keep, drop=drop)
        self._metrics.boundaries.inc(len(entries))
        return Response(status_code=204)

    async def entry(self, call: Call[EntryQuery]) -> Response:
        """A boundary and the checkpoint taken there. 204 when there is none."""
        query = call.query
        await self._access.read(call.caller, query.run)
        if query.number is None:
            entry = await self._store.latest(query.run)
        else:
            entry = await self._store.entry(query.run, query.number)
        if entry is None:
            return Response(status_code=204)
        return Response(entry_to_wire(entry), media_type=_FRAMES)

    async def history(self, call: Call[RunQuery]) -> Response:
        """The boundaries that are kept, oldest first."""
        await self._access.read(call.caller, call.query.run)
        kept = await self._store.history(call.query.run)
        return _json({"boundaries": [boundary_to_wire(one) for one in kept]})

    async def progress(self, call: Call[RunQuery]) -> Response:
        """Where a run stands: its latest boundary, and what the run keeps beside its state there."""
        await self._access.read(call.caller, call.query.run)
        entry = await self._store.latest(call.query.run)
        if entry is None:
            raise ApiError(404, f"run {call.query.run!r} has no boundary yet", code="no_such_run")
        checkpoint = orjson.loads(entry.body)
        return _json(
            {
                "boundary": boundary_to_wire(entry.boundary),
                "ended": checkpoint.get("end") is not None,
                "extra": checkpoint.get("extra"),
            }
        )

    async def record(self, call: Call[WriterQuery]) -> Response:
        """Keep records of a visit under way, all or nothing. 409 `lease_lost`."""
        writer = await self._writer(call)
        records = records_from_wire(await call.request.body())
        if records:
            await self._store.record(writer, records)
            self._metrics.records.inc(len(records))
        return Response(status_code=204)

    async def records(self, call: Call[RecordsQuery]) -> Response:
        """The records of a visit, by index."""
        query = call.query
        await self._access.read(call.caller, query.run)
        pieces = self._pieces(query)
        first = await anext(pieces, b"")  # before the answer begins, so that a store that is away is a 503
        return StreamingResponse(_chain(first, pieces), media_type=_FRAMES)

    async def _pieces(self, query: RecordsQuery) -> AsyncIterator[bytes]:
        piece = bytearray()
        found = self._store.records(query.run, query.path, query.visit, after=query.after)
        async for index, body in found:
            piece += item_to_wire(index, body)
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    async def count_records(self, call: Call[VisitQuery]) -> Response:
        """How many items of a visit are recorded."""
        query = call.query
        await self._access.read(call.caller, query.run)
        return _json({"count": await self._store.count_records(query.run, query.path, query.visit)})

    async def fork(self, call: Call[ForkQuery]) -> Response:
        """Start a run from a boundary of another. 404 `no_such_run`, 409 `run_exists`."""
        query = call.query
        await self._access.fork(call.caller, query.run, query.into)
        boundary = await self._store.fork(query.run, query.number, query.into)
        return _json({"boundary": boundary_to_wire(boundary)})

    async def runs(self, call: Call[RunsQuery]) -> Response:
        """Runs, the one that was started last first. All are for the operator, `RUN#...` for that run too."""
        await self._access.inside(call.caller, call.query.prefix)
        found = await self._store.runs(call.query.prefix, call.query.limit)
        return _json({"runs": [{"run": one.run, "latest": boundary_to_wire(one.latest)} for one in found]})

    async def delete(self, call: Call[RunQuery]) -> Response:
        """Forget everything about a run. All are for the operator, `RUN#...` for that run too."""
        await self._access.inside(call.caller, call.query.run)
        await self._store.delete(call.query.run)
        return Response(status_code=204)

    async def cached(self, call: Call[CachedQuery]) -> Response:
        """What was kept under a key, unless its time is over."""
        self._access.cache(call.caller, call.query.scope)
        body = await self._store.cached(call.query.scope, call.query.key)
        return Response(status_code=204) if body is None else Response(body, media_type=_BYTES)

    async def cache(self, call: Call[CacheQuery]) -> Response:
        """Keep a value for a while."""
        query = call.query
        self._access.cache(call.caller, query.scope)
        await self._store.cache(query.scope, query.key, await call.request.body(), query.ttl)
        return Response(status_code=204)

    async def _writer(self, call: Call[Any]) -> Writer:
        """Whom the call writes as, if the caller may write that run."""
        query: WriterQuery = call.query
        await self._access.write(call.caller, query.run)
        return Writer(query.run, query.holder, query.generation)


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
