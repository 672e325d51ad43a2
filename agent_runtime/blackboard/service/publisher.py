"""Publishing: admit, match, store with the deliveries in one step, wake who is fed."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import Isolation, foreign_part, is_foreign
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.lease import delivery_name
from agent_runtime.blackboard.matching.checks import Check
from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.matching.matcher import Index, Match, Matched, Verdict
from agent_runtime.blackboard.matching.similarity import SimilarityIndex
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.schema.validation import Validator
from agent_runtime.blackboard.service import spans
from agent_runtime.blackboard.service.deadlines import Timer
from agent_runtime.blackboard.service.events import EventEmitter, Kind
from agent_runtime.blackboard.service.store_errors import check_batch
from agent_runtime.blackboard.service.waiters import ANYTHING, Waiters
from agent_runtime.blackboard.stores.errors import IdTaken, StaleSubscribers
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import DeliveryPlan, Publication
from agent_runtime.embedding.port import Vector
from agent_runtime.telemetry import traces

_STALE_RETRIES = 20
_MICROSECOND = timedelta(microseconds=1)
_HIDDEN = {
    Check.VISIBILITY: "its visibility hides it from an agent that subscribes to it",
    Check.TENANCY: "an agent of another tenant subscribes to it (spec.isolation is Strict)",
}

Write = Callable[[Sequence[Publication], int], Awaitable[list[Artifact]]]
"""A step of the store that publishes: publications and the subscribers' version -> what it stored."""


class Publisher:
    """Keeps the index of subscribers, and makes artifacts and deliveries one step of the store."""

    def __init__(
        self,
        store: Store,
        registry: TypeRegistry,
        admission: Validator,
        waiters: Waiters,
        timer: Timer,
        tell: EventEmitter,
        clock: Callable[[], datetime],
        isolation: Isolation | None = None,
        meaning: SimilarityIndex | None = None,
    ) -> None:
        """`meaning` tells what is similar; without it nobody may ask for that."""
        self._store = store
        self._registry = registry
        self._admission = admission
        self._clock = clock
        self._waiters = waiters
        self._timer = timer
        self._tell = tell
        self._isolation = isolation
        self._similarity = meaning
        self._index: Index | None = None
        self.unconsumed: dict[str, int] = {}
        """Artifacts by type that nobody consumed, since this process started."""

    async def index(self) -> Index:
        """The subscribers, as the store has them now."""
        subscribers = await self._store.subscribers()
        if self._index is None or self._index.version != subscribers.version:
            meaning = self._similarity
            self._index = Index(
                subscribers.members,
                subscribers.version,
                isolation=self._isolation,
                meanings={} if meaning is None else await meaning.of_subscribers(subscribers.members),
            )
        return self._index

    async def explain(self, artifact: Artifact, agent: str) -> tuple[Verdict, ...]:
        """See `BlackboardService.explain`."""
        index = await self.index()
        newest = self._registry.read(artifact)[0]
        [meaning] = await self._meanings(index, [newest])
        return index.explain(newest, agent, meaning)

    async def explain_all(self, artifact: Artifact) -> dict[str, tuple[Verdict, ...]]:
        """See `BlackboardService.explain_all`."""
        index = await self.index()
        newest = self._registry.read(artifact)[0]
        [meaning] = await self._meanings(index, [newest])
        return index.explain_all(newest, meaning)

    async def _meanings(self, index: Index, artifacts: Sequence[Artifact]) -> list[Vector | None]:
        """Of those whose type is compared; None for the others."""
        compared = [artifact for artifact in artifacts if index.compares(artifact.type)]
        if self._similarity is None or not compared:
            return [None] * len(artifacts)
        vectors = iter(await self._similarity.of_artifacts(compared))
        return [next(vectors) if index.compares(artifact.type) else None for artifact in artifacts]

    async def publish(
        self,
        producer: Identity,
        drafts: Sequence[Draft],
        *,
        causes: Sequence[Artifact] = (),
        result_id: Callable[[int], str] | None = None,
        write: Write | None = None,
    ) -> list[Artifact]:
        """Publish what was made from `causes`, by `write` when it is part of a greater step.

        `result_id` names those results of a delivery that have no id.
        """
        check_batch(len(drafts), "artifacts")
        admit = partial(self._admit, drafts, producer, causes, result_id=result_id)
        try:
            return await self._publish(producer, admit, write or self._store.publish)
        except IdTaken as taken:
            await self._refuse_if_foreign(producer, taken.id)
            raise

    async def _refuse_if_foreign(self, producer: Identity, artifact_id: str) -> None:
        """Ids are one space for all tenants: say so, and nothing of what the other one published.

        It is announced, because who tries one id after the other learns which of them another tenant has.
        """
        if self._isolation != "Strict":
            return
        [kept] = await self._store.get([artifact_id])
        if kept is not None and is_foreign(kept, producer):
            message = "it publishes with an id that another tenant has taken"
            self._tell("denied", identity=producer, artifact=kept, message=message)
            raise BoardError(
                "id_taken",
                f"artifact {artifact_id!r} exists with other content, of another tenant: nothing was "
                "published. Ids are one space for all tenants: put your tenant's name into it, or leave it "
                "out",
                status=409,
            )

    async def _publish(
        self, producer: Identity, admit: Callable[[], list[Artifact]], write: Write
    ) -> list[Artifact]:
        if traces.enabled():
            with spans.publication() as span:
                artifacts = admit()
                spans.describe(span, artifacts)
                with spans.scheduling():
                    stored = await self._match_and_write(artifacts, write)
        else:  # asked once: even spans that nobody records take their time here
            stored = await self._match_and_write(admit(), write)
        if self._isolation == "Log":
            self._tell_what_leaves(stored, producer)
        return stored

    async def invoke(self, caller: Identity, agent: str, draft: Draft) -> tuple[str, Artifact]:
        """See `BlackboardService.invoke`."""
        with spans.publication() as span:
            artifacts = self._admit([draft], caller, invoked=agent)
            spans.describe(span, artifacts)
            with spans.scheduling():
                try:
                    return await self._invoke(caller, agent, artifacts)
                except IdTaken as taken:
                    await self._refuse_if_foreign(caller, taken.id)
                    raise

    async def _invoke(
        self, caller: Identity, agent: str, artifacts: Sequence[Artifact]
    ) -> tuple[str, Artifact]:
        for _ in range(_STALE_RETRIES):
            index = await self.index()
            match = index.invoked(self._registry.read(artifacts[0])[0], agent)
            if not isinstance(match, Match):
                raise self._refused(match, caller, agent, artifacts[0])
            outcome = Matched((match,))
            try:
                [stored] = await self._store.publish([publication_of(artifacts[0], outcome)], index.version)
            except StaleSubscribers:
                continue
            spans.scheduled([outcome])
            if stored is artifacts[0]:
                self._announce(stored, outcome)
            return delivery_name(stored.id, agent), stored
        raise _busy()

    def _admit(
        self,
        drafts: Sequence[Draft],
        producer: Identity,
        causes: Sequence[Artifact] = (),
        *,
        result_id: Callable[[int], str] | None = None,
        invoked: str | None = None,
    ) -> list[Artifact]:
        now, trace = self._clock(), traces.traceparent()
        try:
            return self._admission.admit_all(
                drafts, producer, now, causes, trace, result_id=result_id, invoked=invoked
            )
        except BoardError as error:
            if error.status == 403:
                self._tell("denied", identity=producer, message=str(error))
            raise

    async def _match_and_write(self, artifacts: Sequence[Artifact], write: Write) -> list[Artifact]:
        """Both again when the subscribers changed in between."""
        index = self._index or await self.index()
        read = [self._registry.read(artifact) for artifact in artifacts]
        for _ in range(_STALE_RETRIES):
            meanings = await self._meanings(index, [newest for newest, _ in read])
            matched = [index.match(newest, of) for (newest, _), of in zip(read, meanings, strict=True)]
            publications = [publication_of(*pair) for pair in zip(artifacts, matched, strict=True)]
            try:
                stored = await write(publications, index.version)
            except StaleSubscribers:
                index = await self.index()
                continue
            if traces.enabled():
                spans.scheduled(matched)
            for wanted, kept, outcome, (_, fault) in zip(artifacts, stored, matched, read, strict=True):
                if kept is wanted:
                    self._announce(kept, outcome)
                    if fault:
                        self._tell("unreadable", artifact=kept, message=fault)
            return stored
        raise _busy()

    def _announce(self, artifact: Artifact, outcome: Matched) -> None:
        for match in outcome.matches:
            if match.due <= artifact.created_at:
                self._waiters.wake(match.agent)
            else:
                self._timer.at_latest(match.due)
            if match.join is not None:
                self._timer.at_latest(_first_end(match.join, match.due))
        self._waiters.wake(ANYTHING)
        if not outcome.matches and not outcome.looped:
            self._note_unconsumed(artifact)
        if self._tell.heard:
            self._tell_all(artifact, outcome)

    def _note_unconsumed(self, artifact: Artifact) -> None:
        before = self.unconsumed.get(artifact.type, 0)
        self.unconsumed[artifact.type] = before + 1
        # in words the first time only: for many types it is as it should be, such as for a final report
        message = "nobody who is subscribed consumes it; `covey board explain` says why" if not before else ""
        self._tell("unconsumed", artifact=artifact, message=message)

    def _tell_all(self, artifact: Artifact, outcome: Matched) -> None:
        self._tell("published", artifact=artifact, planned=publication_of(artifact, outcome).deliveries)
        for match in outcome.matches:
            kind: Kind = "delivered" if match.join is None else "gathered"
            name = delivery_name(artifact.id, match.agent, match.entry)
            self._tell(kind, match.agent, artifact=artifact, delivery=name)
        for identity, check in outcome.denied:
            self._tell("denied", identity=identity, artifact=artifact, message=_HIDDEN[check])
        for identity in outcome.foreign:
            message = "it gets an artifact of another tenant"
            self._tell("tenancy", identity=identity, artifact=artifact, message=message)
        for agent, message in outcome.faults:
            self._tell("predicate_failed", agent, artifact=artifact, message=message)
        if outcome.looped:
            self._tell("loop_stopped", artifact=artifact, message=f"{artifact.depth} artifacts led to it")

    def _tell_what_leaves(self, artifacts: Sequence[Artifact], producer: Identity) -> None:
        for artifact in artifacts:
            pointer = foreign_part(artifact.visibility, producer.tenant)
            if pointer is not None:
                message = f"/visibility{pointer}: it shows the artifact to another tenant"
                self._tell("tenancy", identity=producer, artifact=artifact, message=message)

    def _refused(self, refusal: Check | None, caller: Identity, agent: str, artifact: Artifact) -> BoardError:
        unknown = BoardError("not_found", f"no agent {agent!r} is subscribed to this board", status=404)
        match refusal:
            case None:
                return unknown
            case Check.TENANCY if caller.role != "admin":
                message = f"it invokes {agent}, which belongs to another tenant (spec.isolation is Strict)"
                self._tell("denied", identity=caller, message=message)
                return unknown  # as for an agent that is not there: asking must tell nothing
            case Check.TYPE:
                message = f"{agent} does not consume {artifact.type}"
                return BoardError("not_invocable", message, status=422)
            case Check.MODE:
                message = f"{agent} consumes {artifact.type} with mode Events: it cannot be asked by name"
                return BoardError("not_invocable", message, status=422)
        self._tell("denied", identity=caller, artifact=artifact, message=f"{agent}: {_HIDDEN[refusal]}")
        return BoardError("forbidden", f"{agent} may not see the artifact: {refusal}", status=403)


def _busy() -> BoardError:
    return BoardError("busy", "subscriptions change too fast: publish again", status=503)


def _first_end(join: JoinSpec, since: datetime) -> datetime:
    """When the group, or the batch behind it, may end by the clock for the first time."""
    window = join.window if join.then is None else min(join.window, join.then.window)
    return since + window + _MICROSECOND


def publication_of(artifact: Artifact, outcome: Matched) -> Publication:
    """An artifact with the deliveries that its matches make."""
    if not outcome.matches:
        return Publication(artifact)
    ids = (artifact.id,)
    return Publication(
        artifact,
        tuple(
            DeliveryPlan(
                delivery_name(artifact.id, match.agent, match.entry),
                match.agent,
                ids,
                match.priority,
                match.due,
                match.join,
            )
            for match in outcome.matches
        ),
    )
