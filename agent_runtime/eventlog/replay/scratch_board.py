"""The board's inboxes once more, in memory: what was open is put into them in the order in which it came.

Groups fill and windows end as they did, because the store's own rules are asked, at the times of the log.
Nothing is leased here, and payloads are left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.service.publisher import publication_of
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import (
    DEAD_LETTERS_KEPT,
    DeliveryPlan,
    DeliverySnapshot,
    Limits,
    Publication,
    Snapshot,
)
from agent_runtime.eventlog.replay.replayer import Replayer

_UNBOUNDED = Limits(max_pending=2**62)


class ReplayBoard:
    """What a ledger says is open, as the inboxes of a board."""

    def __init__(self, replayer: Replayer) -> None:
        self._replayer = replayer
        self._store = MemoryStore(_UNBOUNDED)
        self._begun = False
        self._now: datetime | None = None
        self._due: datetime | None = None
        self.matched_again = 0
        """Artifacts of which no event tells what they set off: it was worked out again."""
        self.out_of_sight = 0
        """Artifacts from before the first event that the log still has: they set nothing off here."""

    async def add(self, position: int, artifact: Artifact) -> None:
        """The next artifact."""
        await self._begin()
        planned = self._planned(position, artifact)
        if planned:
            now = await self._pass(artifact.created_at)
            version = (await self._store.subscribers()).version
            bare = replace(artifact, payload={})
            await self._store.publish([Publication(bare, tuple(planned))], version)
            self._due = (await self._store.sweep(now)).next_due

    def _planned(self, position: int, artifact: Artifact) -> Sequence[DeliveryPlan]:
        replayer = self._replayer
        if replayer.deliveries.is_told(artifact.id):
            return replayer.deliveries.plans(artifact.id)
        if position <= replayer.began:
            return ()
        if replayer.trimmed and replayer.earliest is not None and artifact.created_at < replayer.earliest:
            self.out_of_sight += 1
            return ()
        self.matched_again += 1
        matched = replayer.history.index(artifact.created_at).match(artifact)
        planned = publication_of(artifact, matched).deliveries
        return [one for one in planned if not replayer.deliveries.is_done(one, artifact.created_at)]

    async def _begin(self) -> None:
        """With what was on the board when its log began."""
        if not self._begun:
            self._begun = True
            kept = self._replayer.deliveries.kept()
            await self._store.restore(Snapshot(position=0, deliveries=kept))
            self._due = min((one.since or one.plan.due for one in kept), default=None)

    async def _pass(self, now: datetime) -> datetime:
        """Let time pass, which never goes back, and happen what falls due, each at its time; returns it."""
        self._now = now if self._now is None else max(self._now, now)
        while self._due is not None and self._due <= self._now:
            at, self._due = self._due, None
            due = (await self._store.sweep(at)).next_due
            if due is not None and due > at:
                self._due = due
        return self._now

    async def frozen(self, until: datetime | None) -> Snapshot:
        """How the board stands in the end."""
        await self._begin()
        replayer = self._replayer
        end = until or replayer.latest or self._now
        if end is not None:
            await self._store.sweep(await self._pass(end))
        frozen = await self._store.snapshot()
        ended = [one for one in frozen.dead_letters if one.letter.delivery not in replayer.dead_letters]
        letters = sorted([*replayer.dead_letters.letters(), *ended], key=lambda one: one.letter.at)
        again = replayer.dead_letters.offered_again()
        return replace(
            frozen,
            subscribers=replayer.history.at(end) if end is not None else (),
            deliveries=(*(self._as_leased(kept) for kept in frozen.deliveries), *again),
            dead_letters=tuple(letters[-DEAD_LETTERS_KEPT:]),
        )

    def _as_leased(self, kept: DeliverySnapshot) -> DeliverySnapshot:
        known, name = self._replayer.deliveries, kept.plan.name
        attempts = max(kept.attempt, known.attempts.get(name, 0))
        base = kept.base + len(known.released.get(name, ()))
        return replace(kept, attempt=attempts, base=base, sets=known.sets.get(name, kept.sets))
