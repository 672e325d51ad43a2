"""The records of one visit in a file: batches, appended and synced, each with a checksum.

A batch is a line of JSON, `[checksum, [[index, length], ...]]`, then the bodies, then a newline. A process or
a machine that dies while it writes leaves a part of a batch at the end, which is no batch, and is cut off by
the next one to append.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from agent_runtime.durable.port import StoreError

Places = dict[int, tuple[int, int]]
"""Index to offset and length of the body; of several under one index the last one counts."""


class RecordLog:
    """One file, which need not exist. Who appends holds the run's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0
        """Up to here the file is known to be whole."""

    def append(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Add a batch, all or nothing. Raises OSError."""
        with self._path.open("ab") as file:
            if file.tell() != self._end:
                file.truncate(self._whole(file.tell()))
                file.seek(self._end)
            try:
                file.write(_batch(records))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(self._end)
                raise
            self._end = file.tell()

    def read(self, after: int | None) -> Iterator[tuple[int, bytes]]:
        """Records by index, one body in memory at a time. Only the call itself takes the run's lock."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return iter(())
        return _bodies(file, self._places(file), after)

    def count(self) -> int:
        """How many have an index of 0 or more."""
        try:
            with self._path.open("rb") as file:
                return sum(index >= 0 for index in self._places(file))
        except FileNotFoundError:
            return 0

    def _places(self, file: BinaryIO) -> Places:
        places: Places = {}
        for batch, _ in self._batches(file):
            places |= batch
        return places

    def _whole(self, size: int) -> int:
        """Where the last whole batch ends."""
        with self._path.open("rb") as file:
            # What another process appended since lies behind what is known; a shorter file is a new one.
            file.seek(self._end if self._end <= size else 0)
            self._end = file.tell()
            for _, end in self._batches(file):
                self._end = end
        return self._end

    def _batches(self, file: BinaryIO) -> Iterator[tuple[Places, int]]:
        while line := file.readline():
            try:
                checksum, sizes = orjson.loads(line)
            except (orjson.JSONDecodeError, TypeError, ValueError):
                return self._unless_damaged(file)
            offset = file.tell()
            places: Places = {}
            seen = 0
            for index, length in sizes:
                places[index] = (offset, length)
                offset += length
                seen = zlib.crc32(file.read(length), seen)
            if file.read(1) != b"\n" or seen != checksum:
                return self._unless_damaged(file)
            yield places, offset + 1
        return None

    def _unless_damaged(self, file: BinaryIO) -> None:
        """A broken batch at the end was being written; one in the middle was not broken by us."""
        if file.read(1):
            raise StoreError(
                f"{self._path}: a batch of records is damaged; put back a backup, or delete the file and "
                "have its items done again"
            )


def _bodies(file: BinaryIO, places: Places, after: int | None) -> Iterator[tuple[int, bytes]]:
    with file:
        for index in sorted(index for index in places if after is None or index > after):
            offset, length = places[index]
            file.seek(offset)
            yield index, file.read(length)


def _batch(records: Sequence[tuple[int, bytes]]) -> bytes:
    bodies = b"".join(body for _, body in records)
    return b"%s\n%s\n" % (orjson.dumps([zlib.crc32(bodies), [[i, len(body)] for i, body in records]]), bodies)
