"""What becomes of steps that publish or acknowledge, given what the store holds: no I/O.

Several steps are settled at once, one after the other, as if each were alone; one that is refused changes
nothing for the others.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery
from agent_runtime.blackboard.stores.delivery.joins import JoinState
from agent_runtime.blackboard.stores.delivery.overdue import Overdue, gathers_at
from agent_runtime.blackboard.stores.errors import Finished, IdTaken, InboxFull, LeaseLost, StaleSubscribers
from agent_runtime.blackboard.stores.records import DeliveryPlan, Publication
from agent_runtime.blackboard.wire.codec import same_content

_YOUNGER = 2**62
"""Places of deliveries that are new: behind all that the store has."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A lease whose delivery is to be finished."""

    lease: LeaseId
    at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """Artifacts to be published, a delivery to be finished, or both at once."""

    publications: Sequence[Publication]
    version: int
    """Of the subscribers that the deliveries were worked out from."""
    ending: Completion | None = None
    """With one, a full inbox refuses nothing: work must end."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the store holds, as far as the steps ask for it."""

    version: int
    artifacts: Mapping[str, Artifact]
    """By id."""
    held: Mapping[LeaseId, datetime]
    """Until when."""
    finished: Mapping[LeaseId, Sequence[Artifact]]
    """The results."""
    pending: Mapping[str, int]
    """By agent."""
    gathered: Sequence[PendingDelivery] = ()
    """Of the groups that get items, as many as `gathered.wanted` says."""
    due: datetime | None = None
    """When something is due for the first time, where groups get items."""


@dataclass(slots=True)
class Changes:
    """What is to be written."""

    publications: list[Publication] = field(default_factory=list)
    endings: list[tuple[Completion, Sequence[Artifact]]] = field(default_factory=list)
    """With their results."""
    pending: dict[str, int] = field(default_factory=dict)
    """By agent, how many deliveries there are more, before the groups change."""


Outcome = list[Artifact] | Exception


class TransactionPlan:
    """Steps settled one by one: what has become of them, and the changes they make together."""

    def __init__(self, facts: Loaded, max_pending: int) -> None:
        self._facts = facts
        self._max_pending = max_pending
        self._artifacts = dict(facts.artifacts)
        self._held = dict(facts.held)
        self._finished = dict(facts.finished)
        self._due = facts.due
        self._places = itertools.count(_YOUNGER)
        self.changes = Changes()
        self.groups = JoinState(facts.gathered)
        """What the changes lead to: items of theirs may be part of another delivery at once."""

    def settle(self, step: Step) -> Outcome:
        """The artifacts as they are stored, or the refusal."""
        try:
            self._check_lease(step.ending)
            stored, new = self._compare(step.publications)
            if new and step.version != self._facts.version:
                raise StaleSubscribers
            self._raise_if_overdue(new)
            if step.ending is None:
                self._check_room([plan for publication in new for plan in publication.deliveries])
        except (IdTaken, InboxFull, LeaseLost, StaleSubscribers, Overdue, Finished) as refusal:
            return refusal
        self._publish(new)
        if step.ending is not None:
            self._end(step.ending, stored)
        return stored

    def _check_lease(self, ending: Completion | None) -> None:
        if ending is None:
            return
        lease = ending.lease
        if lease in self._finished:
            raise Finished(self._finished[lease])
        if lease not in self._held:
            raise LeaseLost(f"lease {lease} is not held")
        if self._held[lease] <= ending.at:
            raise LeaseLost(f"lease {lease} ran out")

    def _compare(self, publications: Sequence[Publication]) -> tuple[list[Artifact], list[Publication]]:
        """What will stand in the store for each, and those that are new."""
        stored, new = [], []
        for publication in publications:
            before = self._artifacts.get(publication.artifact.id)
            if before is None:
                new.append(publication)
            elif not same_content(before, publication.artifact):
                raise IdTaken(before.id)
            stored.append(before or publication.artifact)
        return stored, new

    def _raise_if_overdue(self, new: Sequence[Publication]) -> None:
        at = gathers_at(new)
        if at is not None and self._due is not None and self._due <= at:
            raise Overdue(at)

    def _note_timer(self, due: datetime | None) -> None:
        if due is not None:
            self._due = due if self._due is None else min(due, self._due)

    def _check_room(self, deliveries: Sequence[DeliveryPlan]) -> None:
        more: dict[str, int] = {}
        for plan in deliveries:
            more[plan.agent] = more.get(plan.agent, 0) + 1
        for agent, count in more.items():
            before = self._facts.pending.get(agent, 0) - self.groups.fewer.get(agent, 0)
            if before + self.changes.pending.get(agent, 0) + count > self._max_pending:
                raise InboxFull(agent)

    def _publish(self, new: Sequence[Publication]) -> None:
        self.changes.publications += new
        self._artifacts |= {publication.artifact.id: publication.artifact for publication in new}
        for publication in new:
            for plan in publication.deliveries:
                self._count(plan.agent, 1)
                if gathered_at_once(plan, publication) is not None:
                    item = PendingDelivery(plan, next(self._places))
                    self.groups.arrive(item, publication.artifact.created_at)
                    self._note_timer(item.timer)
                elif plan.due > publication.artifact.created_at:
                    self._note_timer(plan.due)

    def _end(self, ending: Completion, results: Sequence[Artifact]) -> None:
        self.changes.endings.append((ending, results))
        self._finished[ending.lease] = results
        self._count(ending.lease.agent, -1)

    def _count(self, agent: str, more: int) -> None:
        self.changes.pending[agent] = self.changes.pending.get(agent, 0) + more


def gathered_at_once(plan: DeliveryPlan, publication: Publication) -> JoinSpec | None:
    """The group into which the delivery is put when it is published; None: no group, or none yet."""
    return plan.join if plan.due <= publication.artifact.created_at else None
