"""The track of artifacts: follows the store, so that the log misses none that the store has.

Where it stands is what the log itself ends with: nothing is lost when a server dies, and any server goes on
where another stopped. Every server of a board runs one; what one has written, the others leave out.
"""

import asyncio
from collections.abc import Sequence

import structlog

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.stores.errors import StoreError
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.eventlog.availability import RETRY, Availability
from agent_runtime.eventlog.brokers.port import EventLog, LogUnavailable
from agent_runtime.eventlog.records import (
    CorruptRecord,
    LoggedArtifact,
    artifact_record,
    omission_record,
    read_artifact,
)

LONGEST_SLEEP = 1.0
"""Seconds until it looks again though nobody woke it: another server may have died with its work undone."""
_BATCH = 500
_BYTES = 4 * 1024 * 1024
_log = structlog.get_logger(__name__)


class LogMismatch(Exception):
    """The log belongs to another life of the board: its artifacts are not those of the store."""


class ArtifactPublisher:
    """Copies a store's artifacts into a log."""

    def __init__(self, store: Store, log: EventLog, availability: Availability) -> None:
        self._store = store
        self._log = log
        self._availability = availability
        self._woken = asyncio.Event()
        self._checked = False
        self._behind = True

    @property
    def behind(self) -> bool:
        """Whether the store may hold artifacts that the log lacks, but for those of the last moment."""
        return self._behind

    def observe(self, event: BoardEvent) -> None:
        """The board's observer: a publication wakes it."""
        if event.kind == "published":
            self._woken.set()

    async def run(self) -> None:
        """Copy until cancelled. A log that does not answer is asked again, and one that is foreign too."""
        failures = 0
        while True:
            self._woken.clear()
            try:
                await self.catch_up()
                failures = 0
            except (LogUnavailable, LogMismatch) as error:
                failures += 1
                self._availability.away("artifacts", error)
            except StoreError as error:
                failures += 1
                _log.debug("the relay cannot read the store", error=str(error))
            if failures:
                await asyncio.sleep(RETRY.delay(failures))
            else:
                await self._wait()

    async def catch_up(self) -> int:
        """Copy until the log has all that the store has; returns how many artifacts that took.

        Raises LogUnavailable, LogMismatch, and as the store.
        """
        self._behind, copied = True, 0
        await self._log.open()
        while True:
            last = await self._last()
            position = last.position if last else 0
            if last is not None and not self._checked:
                await self._check(last)
            page = await self._store.scan(Query(limit=_BATCH), position)
            if not page:
                break
            records = self._records(page)
            await self._log.append_artifacts(records)
            self._checked = True
            copied += len(records)
        self._behind = False
        self._availability.back("artifacts")
        return copied

    async def _last(self) -> LoggedArtifact | None:
        record = await self._log.last("artifacts")
        try:
            return None if record is None else read_artifact(record)
        except CorruptRecord as error:
            raise LogMismatch(f"the log ends with a record that is no artifact's: {error}") from error

    async def _check(self, last: LoggedArtifact) -> None:
        """Whether the log goes on with this store, which may have pruned what the log ends with."""
        found = await self._store.scan(Query(limit=1), last.position - 1)
        if found:
            position, artifact = found[0]
            foreign = position == last.position and artifact.id != last.id
            self._checked = not foreign
        else:
            # a store that is empty may be new, or all in it was pruned: its next artifact tells
            foreign = bool(await self._store.scan(Query(limit=1), 0))
        if foreign:
            raise LogMismatch(
                f"it ends with artifact {last.id!r} at position {last.position}, which this board does not "
                "have: it is the log of another board of this name; remove it, or name another log"
            )

    def _records(self, page: Sequence[tuple[int, Artifact]]) -> list[tuple[int, bytes]]:
        """As many as go at once, one at least."""
        records: list[tuple[int, bytes]] = []
        size = 0
        for position, artifact in page:
            record = artifact_record(position, artifact)
            if len(record) > self._log.largest:
                _log.warning("an artifact is too large for the event log", artifact=artifact.id)
                record = omission_record(position, artifact, len(record))
            size += len(record)
            if records and size > _BYTES:
                break
            records.append((position, record))
        return records

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_SLEEP):
                await self._woken.wait()
        except TimeoutError:
            return
