"""Runs as plain files, for one machine: durable, nothing to install, everything can be looked at.

    FOLDER/runs/RUN/lease, lock                   who may write
    FOLDER/runs/RUN/000000000012.entries          checkpoints, see `history.py`
    FOLDER/runs/RUN/records/PATH@VISIT            records, see `log.py`
    FOLDER/cache/...

What is asked for records of several visits at once is all or nothing for each visit.
"""

import errno
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

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
from agent_runtime.durable.stores.file.history import History, write_whole
from agent_runtime.durable.stores.file.lock import Lease, locked, read_lease, write_lease
from agent_runtime.durable.stores.file.log import RecordLog

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LONGEST_NAME = 200


class BlockingFileRunStore:
    """See `port.BlockingRunStore`."""

    def __init__(self, folder: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._runs = folder / "runs"
        self._cache = folder / "cache"
        self._clock = clock
        self._logs: dict[Path, RecordLog] = {}

    def open(self) -> None:
        with _failures():
            self._runs.mkdir(parents=True, exist_ok=True)
            self._cache.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """No file stays open."""

    def acquire(self, run: str, holder: str, ttl: float, *, take_over: bool = False) -> Writer:
        folder = self._folder(run)
        with _failures(), locked(folder, make=True):
            lease = read_lease(folder) or Lease(run, holder, 0, 0)
            if lease.until > self._now() and lease.holder != holder and not take_over:
                raise RunHeld(run, lease.holder, moment(lease.until))
            write_lease(folder, Lease(run, holder, lease.generation + 1, self._now(ttl)))
            # Another process may have written since: what is known of its files is known no more.
            self._logs = {log: known for log, known in self._logs.items() if folder not in log.parents}
        return Writer(run, holder, lease.generation + 1)

    def renew(self, writer: Writer, ttl: float) -> None:
        with self._held(writer) as folder:
            write_lease(folder, Lease(writer.run, writer.holder, writer.generation, self._now(ttl)))

    def release(self, writer: Writer) -> None:
        try:
            with self._held(writer) as folder:
                write_lease(folder, Lease(writer.run, writer.holder, writer.generation, 0))
        except LeaseLost:
            pass

    def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        with self._held(writer) as folder:
            History(folder).commit(entries, keep)
            for path, visit in drop:
                log = _log_path(folder, path, visit)
                self._logs.pop(log, None)
                log.unlink(missing_ok=True)

    def latest(self, run: str) -> Entry | None:
        # Under the lock, like all that reads several files: what is pruned meanwhile would be missed.
        with _failures(), locked(self._folder(run)):
            return History(self._folder(run)).latest()

    def entry(self, run: str, number: int) -> Entry | None:
        with _failures(), locked(self._folder(run)):
            return History(self._folder(run)).entry(number)

    def history(self, run: str) -> list[Boundary]:
        with _failures(), locked(self._folder(run)):
            return History(self._folder(run)).boundaries()

    def record(self, writer: Writer, records: Sequence[Record]) -> None:
        with self._held(writer) as folder:
            (folder / "records").mkdir(exist_ok=True)
            ordered = sorted(records, key=_visit)
            for (path, visit), batch in groupby(ordered, key=_visit):
                log = _log_path(folder, path, visit)
                self._logs.setdefault(log, RecordLog(log)).append([(one.index, one.body) for one in batch])

    def records(
        self, run: str, path: str, visit: int, *, after: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        folder = self._folder(run)
        with _failures():
            with locked(folder):
                records = RecordLog(_log_path(folder, path, visit)).read(after)
            yield from records

    def count_records(self, run: str, path: str, visit: int) -> int:
        folder = self._folder(run)
        with _failures(), locked(folder):
            return RecordLog(_log_path(folder, path, visit)).count()

    def fork(self, run: str, number: int | None, into: str) -> Boundary:
        found = self.latest(run) if number is None else self.entry(run, number)
        if found is None:
            raise NoSuchRun(run, number, [boundary.number for boundary in self.history(run)])
        folder = self._folder(into)
        with _failures(), locked(folder, make=True):
            if read_lease(folder) is None:
                self._copy_records(run, folder)
                History(folder).commit([found], 1)
                write_lease(folder, Lease(into, "", 0, 0))
            elif History(folder).boundaries() != [found.boundary]:
                raise RunExists(into)
        return found.boundary

    def delete(self, run: str) -> None:
        folder = self._folder(run)
        with _failures(), locked(folder) as exists:
            if exists:
                # First what makes it a run, last the lock: whoever waits for it looks again.
                (folder / "lease").unlink(missing_ok=True)
                shutil.rmtree(folder)

    def runs(self, prefix: str = "", limit: int = 100) -> list[RunSummary]:
        found: list[RunSummary] = []
        with _failures():
            for lock in sorted(self._runs.glob("*/lock"), key=_made, reverse=True):
                lease = read_lease(lock.parent)
                if lease is not None and lease.run.startswith(prefix):
                    found += [RunSummary(lease.run, boundary) for boundary in self.history(lease.run)[-1:]]
                if len(found) == limit:
                    break
        return found

    def cached(self, scope: str, key: str) -> bytes | None:
        try:
            until, _, body = self._cache_path(scope, key).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        return body if int(until) > self._now() else None

    def cache(self, scope: str, key: str, body: bytes, ttl: float) -> None:
        with _failures():
            write_whole(self._cache_path(scope, key), b"%d\n%s" % (self._now(ttl), body))

    @contextmanager
    def _held(self, writer: Writer) -> Iterator[Path]:
        folder = self._folder(writer.run)
        with _failures(), locked(folder) as exists:
            lease = read_lease(folder) if exists else None
            if lease is None or (lease.holder, lease.generation) != (writer.holder, writer.generation):
                raise LeaseLost(writer.run, writer.generation)
            yield folder

    def _copy_records(self, run: str, folder: Path) -> None:
        about_the_run = _log_path(self._folder(run), "", 0)
        if about_the_run.exists():
            (folder / "records").mkdir(exist_ok=True)
            write_whole(_log_path(folder, "", 0), about_the_run.read_bytes())

    def _folder(self, run: str) -> Path:
        return self._runs / _name(run)

    def _cache_path(self, scope: str, key: str) -> Path:
        return self._cache / hashlib.sha256(f"{scope}\n{key}".encode()).hexdigest()

    def _now(self, ahead: float = 0) -> int:
        return micros(self._clock.now() + timedelta(seconds=ahead))


def _visit(record: Record) -> tuple[str, int]:
    return record.path, record.visit


def _made(lock: Path) -> int:
    return lock.stat().st_mtime_ns


def _log_path(folder: Path, path: str, visit: int) -> Path:
    return folder / "records" / f"{_name(path)}@{visit}"


def _name(text: str) -> str:
    """A file's name for it: readable, unless it is too long for one."""
    name = quote(text, safe="", errors="strict").replace(".", "%2E")
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{error.filename or 'a file of the store'}: {error.strerror}"
        if error.errno in _FULL:
            raise StoreFull(f"{what}: make room on the disk, then resume the run") from error
        raise Unavailable(what) from error
