"""A store that dies at a chosen write, before or after it is made, and refuses all that follows."""

from collections.abc import Sequence
from pathlib import Path

from agent_runtime.durable import Entry, Record, Writer
from agent_runtime.durable.stores.sqlite.store import BlockingSqliteRunStore


class Killed(Exception):
    """The process went away."""


class DyingStore(BlockingSqliteRunStore):
    """Dies at write number `at`, counted from 1; never with 0. `writes` counts them."""

    def __init__(self, path: Path, at: int = 0, *, after: bool = False) -> None:
        super().__init__(path)
        self.writes = 0
        self._at = at
        self._after = after

    def open(self) -> None:
        super().open()
        assert self._db is not None
        self._db.pragma("synchronous", "off")  # no power is cut here

    def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        self._before()
        super().commit(writer, entries, keep=keep, drop=drop)
        self._made()

    def record(self, writer: Writer, records: Sequence[Record]) -> None:
        self._before()
        super().record(writer, records)
        self._made()

    def release(self, writer: Writer) -> None:
        if not self._at or self.writes < self._at:
            super().release(writer)

    def _before(self) -> None:
        self.writes += 1
        if self._at and (self.writes > self._at or (self.writes == self._at and not self._after)):
            raise Killed

    def _made(self) -> None:
        if self._at and self.writes >= self._at:
            raise Killed
