"""A board from its log: events first, to know what is finished; then artifacts, into an empty store."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Publication, Snapshot
from agent_runtime.eventlog.brokers.port import EventLog
from agent_runtime.eventlog.records import CorruptRecord, read_artifact, read_event
from agent_runtime.eventlog.replay.replayer import Replayer
from agent_runtime.eventlog.replay.scratch_board import ReplayBoard

_CHUNK = 500
_NAMED = 10


@dataclass(slots=True)
class RebuildReport:
    """What was found, and what became of it."""

    artifacts: int = 0
    deliveries: int = 0
    """Those that are open."""
    dead_letters: int = 0
    subscribers: int = 0
    lost_events: int = 0
    """Gaps in the log, as far as they show."""
    trimmed: bool = False
    """The log has lost its beginning."""
    matched_again: int = 0
    out_of_sight: int = 0
    omitted: int = 0
    """Artifacts that were too large for the log."""
    without_artifacts: int = 0
    """Deliveries and dead letters that were left out, because an artifact of theirs is not in the log."""
    unreadable: int = 0
    unread: list[str] = field(default_factory=list)
    """The first of the records that could not be read: where, and why."""

    def skip(self, place: str, error: CorruptRecord) -> None:
        """Note a record that is none."""
        self.unreadable += 1
        if len(self.unread) < _NAMED:
            self.unread.append(f"{place}: {error}")


async def rebuild(log: EventLog, store: Store | None, until: datetime | None = None) -> RebuildReport:
    """Rebuild the board as it was at `until`, or as the log ends, in a store that is open and empty.

    With no store, only look. What was interrupted goes on when it is done again. Raises LogUnavailable,
    NotEmpty and as the store.
    """
    done = RebuildReport()
    target = None if store is None else _Target(store, await store.begin_restore())
    replayer = Replayer(until)
    async for place, record in log.read("events"):
        try:
            replayer.read(read_event(record))
        except CorruptRecord as error:
            done.skip(place, error)
    done.lost_events, done.trimmed = replayer.gaps, replayer.trimmed
    replayer.deliveries.settle()
    scratch = ReplayBoard(replayer)
    async for position, artifact in _artifacts(log, until, done):
        await scratch.add(position, artifact)
        if target is not None:
            await target.add(artifact)
    frozen = await scratch.frozen(until)
    if target is not None:
        frozen = await target.finish(frozen, done)
    done.matched_again, done.out_of_sight = scratch.matched_again, scratch.out_of_sight
    done.deliveries, done.dead_letters = len(frozen.deliveries), len(frozen.dead_letters)
    done.subscribers = len(frozen.subscribers)
    return done


async def _artifacts(
    log: EventLog, until: datetime | None, done: RebuildReport
) -> AsyncIterator[tuple[int, Artifact]]:
    """The artifacts with their positions, each once."""
    last = 0
    async for place, record in log.read("artifacts"):
        try:
            logged = read_artifact(record)
        except CorruptRecord as error:
            done.skip(place, error)
            continue
        if logged.position <= last:  # it was written twice
            continue
        last = logged.position
        if logged.artifact is None:
            done.omitted += 1
        elif until is None or logged.artifact.created_at <= until:
            done.artifacts += 1
            yield logged.position, logged.artifact


class _Target:
    """The store that a board is rebuilt in."""

    def __init__(self, store: Store, version: int) -> None:
        self._store = store
        self._version = version
        self._chunk: list[Publication] = []

    async def add(self, artifact: Artifact) -> None:
        self._chunk.append(Publication(artifact))
        if len(self._chunk) >= _CHUNK:
            await self._publish()

    async def _publish(self) -> None:
        if self._chunk:
            await self._store.publish(self._chunk, self._version)
            self._chunk = []

    async def finish(self, frozen: Snapshot, done: RebuildReport) -> Snapshot:
        """Put the deliveries in and open the board; returns what was put in."""
        await self._publish()
        named = {id_ for one in frozen.deliveries for id_ in one.plan.artifact_ids}
        named |= {id_ for one in frozen.dead_letters for id_ in one.letter.artifact_ids}
        lacking = await self._lacking(sorted(named))
        whole = replace(
            frozen,
            deliveries=tuple(one for one in frozen.deliveries if lacking.isdisjoint(one.plan.artifact_ids)),
            dead_letters=tuple(
                one for one in frozen.dead_letters if lacking.isdisjoint(one.letter.artifact_ids)
            ),
        )
        done.without_artifacts = len(frozen.deliveries) - len(whole.deliveries)
        done.without_artifacts += len(frozen.dead_letters) - len(whole.dead_letters)
        await self._store.restore(whole)
        return whole

    async def _lacking(self, ids: Sequence[str]) -> set[str]:
        lacking: set[str] = set()
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            there = await self._store.get(chunk)
            lacking.update(id_ for id_, one in zip(chunk, there, strict=True) if one is None)
        return lacking
