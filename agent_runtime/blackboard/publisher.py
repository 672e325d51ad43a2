"""Publishing: admit, match, store with the deliveries in one step, wake who is fed."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from agent_runtime.blackboard.admission import Admission
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Identity
from agent_runtime.blackboard.events import Announcer
from agent_runtime.blackboard.leases import delivery_name
from agent_runtime.blackboard.matching import Index, Matched
from agent_runtime.blackboard.refusals import check_batch
from agent_runtime.blackboard.stores.port import Planned, Publication, StaleSubscribers, Store
from agent_runtime.blackboard.timer import Timer
from agent_runtime.blackboard.waiters import ANYTHING, Waiters

_STALE_RETRIES = 20

Write = Callable[[Sequence[Publication], int], Awaitable[list[Artifact]]]
"""A step of the store that publishes: publications and the subscribers' version -> what it stored."""


class Publisher:
    """Keeps the index of subscribers, and makes artifacts and deliveries one step of the store."""

    def __init__(
        self,
        store: Store,
        admission: Admission,
        waiters: Waiters,
        timer: Timer,
        tell: Announcer,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._waiters = waiters
        self._timer = timer
        self._tell = tell
        self._index: Index | None = None

    async def index(self) -> Index:
        """The subscribers, as the store has them now."""
        subscribers = await self._store.subscribers()
        if self._index is None or self._index.version != subscribers.version:
            self._index = Index(subscribers.members, subscribers.version)
        return self._index

    async def publish(
        self,
        producer: Identity,
        drafts: Sequence[Draft],
        *,
        causes: Sequence[Artifact] = (),
        write: Write | None = None,
    ) -> list[Artifact]:
        """Publish what was made from `causes`, by `write` when it is part of a greater step."""
        check_batch(len(drafts), "artifacts")
        artifacts = self._admission.admit_all(drafts, producer, self._clock(), causes)
        return await self._match_and_write(artifacts, write or self._store.publish)

    async def _match_and_write(self, artifacts: Sequence[Artifact], write: Write) -> list[Artifact]:
        """Both again when the subscribers changed in between."""
        index = self._index or await self.index()
        for _ in range(_STALE_RETRIES):
            matched = [index.match(artifact) for artifact in artifacts]
            publications = [_planned(*pair) for pair in zip(artifacts, matched, strict=True)]
            try:
                stored = await write(publications, index.version)
            except StaleSubscribers:
                index = await self.index()
                continue
            for wanted, kept, outcome in zip(artifacts, stored, matched, strict=True):
                if kept is wanted:
                    self._announce(kept, outcome)
            return stored
        raise BoardError("busy", "subscriptions change too fast: publish again", status=503)

    def _announce(self, artifact: Artifact, outcome: Matched) -> None:
        for match in outcome.matches:
            if match.due <= artifact.created_at:
                self._waiters.wake(match.agent)
            else:
                self._timer.at_latest(match.due)
        self._waiters.wake(ANYTHING)
        if not self._tell.heard:
            return
        self._tell("published", artifact=artifact)
        for match in outcome.matches:
            self._tell("delivered", match.agent, artifact=artifact)
        for agent in outcome.denied:
            self._tell("denied", agent, artifact=artifact, message="it subscribes to what it may not see")
        for agent, message in outcome.faults:
            self._tell("predicate_failed", agent, artifact=artifact, message=message)
        if outcome.looped:
            self._tell("loop_stopped", artifact=artifact, message=f"{artifact.depth} artifacts led to it")


def _planned(artifact: Artifact, outcome: Matched) -> Publication:
    if not outcome.matches:
        return Publication(artifact)
    ids = (artifact.id,)
    return Publication(
        artifact,
        tuple(
            Planned(delivery_name(artifact.id, match.agent), match.agent, ids, match.priority, match.due)
            for match in outcome.matches
        ),
    )
