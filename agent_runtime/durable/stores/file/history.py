"""The boundaries of one run as files: one for each commit, named after its last number.

The first line is JSON: a checksum, the number up to which history is forgotten, and for each entry its
boundary and length. The bodies follow. A file is written beside, synced and renamed, so that it is there as a
whole or not at all.
"""

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from agent_runtime.core.times import micros, moment
from agent_runtime.durable.port import Boundary, Entry, StoreError

_SUFFIX = ".entries"


@dataclass(frozen=True, slots=True)
class _Head:
    checksum: int
    forgotten: int
    rows: list[tuple[Boundary, int]]
    """Boundaries, and the lengths of their bodies."""


class History:
    """The entries in a folder. Who commits holds the run's lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def commit(self, entries: Sequence[Entry], keep: int) -> None:
        """Add entries, all or nothing, and remove what is `keep` or more below the last. Raises OSError."""
        files = self._files()
        latest = _number(files[-1]) if files else -1
        new = [entry for entry in entries if entry.boundary.number > latest]
        if not new:
            return
        last = new[-1].boundary.number
        write_whole(self._folder / f"{last:012}{_SUFFIX}", _file(new, last - keep))
        for file in files:
            if _number(file) <= last - keep:
                file.unlink(missing_ok=True)

    def latest(self) -> Entry | None:
        """The entry with the highest number."""
        files = self._files()
        return _read(files[-1])[-1] if files else None

    def entry(self, number: int) -> Entry | None:
        """The entry with that number."""
        files = self._files()
        file = next((file for file in files if _number(file) >= number), None)
        if file is None or number <= _read_head(files[-1]).forgotten:
            return None
        return next((entry for entry in _read(file) if entry.boundary.number == number), None)

    def boundaries(self) -> list[Boundary]:
        """All boundaries, oldest first."""
        heads = [_read_head(file) for file in self._files()]
        boundaries = [boundary for head in heads for boundary, _ in head.rows]
        return [boundary for boundary in boundaries if boundary.number > heads[-1].forgotten]

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))


def write_whole(path: Path, content: bytes) -> None:
    """Make a file, or replace it, so that it is there as a whole, also after a power cut. Raises OSError."""
    beside = path.with_suffix(".new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _number(file: Path) -> int:
    return int(file.stem)


def _file(entries: Sequence[Entry], forgotten: int) -> bytes:
    bodies = b"".join(entry.body for entry in entries)
    rows = [
        [at.number, at.path, at.visit, at.action, micros(at.at), len(entry.body)]
        for entry in entries
        for at in [entry.boundary]
    ]
    return b"%s\n%s" % (orjson.dumps([zlib.crc32(bodies), forgotten, rows]), bodies)


def _read(path: Path) -> list[Entry]:
    line, _, bodies = path.read_bytes().partition(b"\n")
    head = _head(path, line)
    if zlib.crc32(bodies) != head.checksum:
        raise _damaged(path)
    entries = []
    begin = 0
    for boundary, length in head.rows:
        entries.append(Entry(boundary, bodies[begin : begin + length]))
        begin += length
    return entries


def _read_head(path: Path) -> _Head:
    with path.open("rb") as file:
        return _head(path, file.readline())


def _head(path: Path, line: bytes) -> _Head:
    try:
        checksum, forgotten, rows = orjson.loads(line)
        boundaries = [
            (Boundary(number, place, visit, action, moment(at)), length)
            for number, place, visit, action, at, length in rows
        ]
        return _Head(checksum, forgotten, boundaries)
    except (orjson.JSONDecodeError, TypeError, ValueError):
        raise _damaged(path) from None


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"{path} is damaged: put back a backup, or delete it and the run goes on from the boundary before it"
    )
