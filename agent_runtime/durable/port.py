"""The contract of a run store: what every process that runs, shows or forks runs may ask of it.

A store knows nothing of flows: a checkpoint is bytes to it (JSON, see `checkpoint.py`). It keeps promises
about steps: each method is atomic; once it returns, what it did is as durable as the store can be; any number
of processes may share one store. `tests/contract/durable` holds every store to this page.

**One writer.** A run is written by whoever acquired it last. `acquire` returns a `Writer` whose generation is
larger than all before; `commit`, `record` and `renew` name it, and raise LeaseLost when the run was acquired
anew, or deleted, since. Nothing else ends a writer's right: neither the end of its lease nor `release`. So a
leg that ends may hand its `Writer` to other processes, whose records count until the next leg acquires the
run. The lease only decides who may *acquire*: nobody but its holder before it expires, unless by `take_over`.

**Repeats are harmless.** A caller that got no answer asks again: the same commit or record changes nothing, a
holder may acquire what it holds (and gets a new generation).

**Time** is the store's clock's (`core.clock.Clock`, given to its constructor); lengths are seconds.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Boundary:
    """A moment between two nodes: a row of a run's history.

    `number` counts from 0, the start. `path` and `visit` name the visit that ended, `action` is what it
    returned, `at` when (aware, UTC). The start has path "" and visit 0; the end of the whole run has path ""
    and visit 1.
    """

    number: int
    path: str
    visit: int
    action: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A boundary and the checkpoint taken there."""

    boundary: Boundary
    body: bytes


@dataclass(frozen=True, slots=True)
class Writer:
    """The right to write one run, until somebody else acquires it."""

    run: str
    holder: str
    generation: int


@dataclass(frozen=True, slots=True)
class Record:
    """A small fact about a visit under way: JSON under (path, visit, index).

    Index 0 and up: results of mapped items. Index -1 and below: facts about the visit itself. Path "" with
    visit 0 is about the run.
    """

    path: str
    visit: int
    index: int
    body: bytes


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list, and where it stands."""

    run: str
    latest: Boundary


class StoreError(Exception):
    """The store did not do it; nothing changed, unless it is Unavailable."""


class RunHeld(StoreError):
    """Another process writes this run."""

    def __init__(self, run: str, holder: str, until: datetime) -> None:
        super().__init__(
            f"run {run!r} is held by {holder!r} until {until.isoformat(timespec='seconds')}: wait until "
            "then, or take it over when that process has certainly ended"
        )
        self.run = run
        self.holder = holder
        self.until = until


class LeaseLost(StoreError):
    """Somebody else acquired the run: whoever gets this must stop, and write nothing more."""

    def __init__(self, run: str, generation: int) -> None:
        super().__init__(
            f"run {run!r} was acquired by another process since generation {generation}: this one must stop"
        )
        self.run = run
        self.generation = generation


class Unavailable(StoreError):
    """The store does not answer, or cannot write now. Whether it was done is unknown: ask again."""


class StoreFull(StoreError):
    """There is no room left. Nothing was half written; the run can be resumed when there is room again."""


class NoSuchRun(StoreError):
    """There is no such run, or it has no such boundary (any more)."""

    def __init__(self, run: str, number: int | None = None, known: Sequence[int] = ()) -> None:
        if known:
            kept = ", ".join(map(str, known))
            super().__init__(f"run {run!r} has no boundary {number}; kept are {kept}")
        else:
            super().__init__(f"there is no run {run!r}")
        self.run = run
        self.number = number
        self.known = tuple(known)


class RunExists(StoreError):
    """A fork would replace a run."""

    def __init__(self, run: str) -> None:
        super().__init__(f"there is a run {run!r} already: fork into a new name, or delete it first")
        self.run = run


class RunStore(Protocol):
    """Any method may raise Unavailable; those that write StoreFull."""

    async def open(self) -> None:
        """Make ready; a store on a server may be opened before the server is there."""

    async def close(self) -> None:
        """Let go of connections and files."""

    async def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        """Become the run's writer for `ttl` seconds. The run need not exist. Raises RunHeld.

        `holder` is unique to the process. `take_over` takes the run from a holder whose lease did not expire.
        """

    async def renew(self, writer: Writer, ttl: float) -> None:
        """Hold it for `ttl` seconds from now. Raises LeaseLost."""

    async def release(self, writer: Writer) -> None:
        """Let others acquire it at once. A writer that lost its lease is not told."""

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        """Append to the history, all or nothing, and forget the records of the visits in `drop`.

        Entries, at least one, come in the order of their numbers, which may have gaps. An entry whose number
        is not above the latest is a repeat, and ignored. What is `keep` or more below the latest number goes.
        Raises LeaseLost.
        """

    async def latest(self, run: str) -> Entry | None:
        """The boundary with the highest number; None when there is no such run."""

    async def entry(self, run: str, number: int) -> Entry | None:
        """One boundary of the history."""

    async def history(self, run: str) -> list[Boundary]:
        """What is kept, oldest first; empty when there is no such run."""

    async def record(self, writer: Writer, records: Sequence[Record]) -> None:
        """Keep records, all or nothing; one that is there already is replaced. Raises LeaseLost."""

    def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, bytes]]:
        """A visit's records as (index, body), by index; a page at a time, so that memory is bounded.

        With `after` only those with a larger index: to go on where a store went away.
        """

    async def count_records(self, run: str, path: str, visit: int) -> int:
        """How many items of a visit are recorded: index 0 and up."""

    async def fork(self, run: str, number: int | None, into: str) -> Boundary:
        """Start the run `into` from a boundary of `run`, None for the latest; returns that boundary.

        `into` has one boundary with the same number, and the records about the run (path "", visit 0), no
        others: its visits have keys of their own. To do it again is no error until the new run has gone on.
        Raises NoSuchRun, RunExists.
        """

    async def delete(self, run: str) -> None:
        """Forget everything about it; its writer loses its lease. No error when there is no such run."""

    async def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        """Runs whose id starts with `prefix`, the one that was started (or forked) last first."""

    async def cached(self, scope: str, key: str) -> bytes | None:
        """What `cache` kept, unless its time is over."""

    async def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        """Keep a value for `ttl` seconds, in place of an older one."""


class BlockingRunStore(Protocol):
    """The same for code without an event loop; one thread at a time. See `RunStore`."""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer: ...

    def renew(self, writer: Writer, ttl: float) -> None: ...

    def release(self, writer: Writer) -> None: ...

    def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None: ...

    def latest(self, run: str) -> Entry | None: ...

    def entry(self, run: str, number: int) -> Entry | None: ...

    def history(self, run: str) -> list[Boundary]: ...

    def record(self, writer: Writer, records: Sequence[Record]) -> None: ...

    def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> Iterator[tuple[int, bytes]]: ...

    def count_records(self, run: str, path: str, visit: int) -> int: ...

    def fork(self, run: str, number: int | None, into: str) -> Boundary: ...

    def delete(self, run: str) -> None: ...

    def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]: ...

    def cached(self, scope: str, key: str) -> bytes | None: ...

    def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None: ...
