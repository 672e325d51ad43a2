"""The row of checks that an artifact and one entry of an agent's `consumes` go through.

Matching and explaining ask the same checks, so that the answer to "why did it not run?" is the decision
itself and not a second opinion.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.subscriptions import VARIABLES, Subscriber
from agent_runtime.blackboard.visibility import visible_from
from agent_runtime.cel import CelError, Expression


class Check(StrEnum):
    """What can say no, in the order in which it is asked."""

    TYPE = "type"
    MODE = "mode"
    PRODUCER = "producer"
    TAGS = "tags"
    SELF = "self"
    VISIBILITY = "visibility"
    PREDICATE = "predicate"
    DEPTH = "depth"
    EXCLUSIVE = "exclusive"


@dataclass(slots=True, eq=False)
class Candidate:
    """One entry of one agent's `consumes`, prepared."""

    subscriber: Subscriber
    consumes: Consumes
    producers: frozenset[str]
    tags: frozenset[str]
    predicate: Expression | None
    broken: str
    """Why the predicate does not compile; empty when it does."""

    @property
    def agent(self) -> str:
        return self.subscriber.identity.name

    def rank(self) -> tuple[int, int]:
        """Smaller goes first among exclusive consumers."""
        return -self.consumes.priority, self.subscriber.order


class Predicates:
    """The predicates' values for one artifact: one activation, and equal predicates are asked once."""

    __slots__ = ("_activation", "_artifact", "_values")

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._activation: object = None
        self._values: dict[str, bool | CelError] = {}

    def fault_or_value(self, predicate: Expression) -> bool | CelError:
        value = self._values.get(predicate.source)
        if value is None:
            if self._activation is None:
                self._activation = predicate.activation(_variables(self._artifact))
            try:
                value = predicate.holds_in(self._activation)
            except CelError as error:
                value = error
            self._values[predicate.source] = value
        return value


def _variables(artifact: Artifact) -> dict[str, object]:
    values = {name: getattr(artifact, name) for name in VARIABLES}
    values["tags"] = list(artifact.tags)
    return values


def prepare(subscriber: Subscriber, consumes: Consumes) -> Candidate:
    predicate, broken = None, ""
    if consumes.where is not None:
        try:
            predicate = Expression(consumes.where, VARIABLES)
        except CelError as error:  # registered by another version of the server
            broken = str(error)
    return Candidate(
        subscriber,
        consumes,
        frozenset(consumes.from_ or ()),
        frozenset(consumes.tags or ()),
        predicate,
        broken,
    )


def first_refusal(candidate: Candidate, artifact: Artifact, predicates: Predicates) -> Check | None:
    """The first check that says no. Visibility comes before the predicate: it must not see either."""
    if artifact.type not in candidate.consumes.types:
        return Check.TYPE
    if candidate.consumes.mode == "Direct":
        return Check.MODE
    if candidate.producers and artifact.producer not in candidate.producers:
        return Check.PRODUCER
    if candidate.tags and candidate.tags.isdisjoint(artifact.tags):
        return Check.TAGS
    if candidate.agent == artifact.producer:
        return Check.SELF
    if visible_from(artifact, candidate.subscriber.identity) is None:
        return Check.VISIBILITY
    if candidate.broken or (
        candidate.predicate is not None and predicates.fault_or_value(candidate.predicate) is not True
    ):
        return Check.PREDICATE
    return None


def fault_of(candidate: Candidate, predicates: Predicates) -> str:
    """Why the predicate failed; empty when it did not fail but said no."""
    if candidate.predicate is None:
        return candidate.broken
    value = predicates.fault_or_value(candidate.predicate)
    return str(value) if isinstance(value, CelError) else ""


def sentence(check: Check | None, candidate: Candidate, artifact: Artifact, predicates: Predicates) -> str:
    consumes = candidate.consumes
    match check:
        case None:
            return "it matches"
        case Check.TYPE:
            return f"it consumes {', '.join(consumes.types)}, the artifact is {artifact.type}"
        case Check.MODE:
            return "its mode is Direct: publishing does not set it to work"
        case Check.PRODUCER:
            return f"it consumes from {', '.join(sorted(candidate.producers))}, not from {artifact.producer}"
        case Check.TAGS:
            return f"the artifact has none of the tags {', '.join(sorted(candidate.tags))}"
        case Check.SELF:
            return "it published the artifact itself"
        case Check.VISIBILITY:
            return "it may not see the artifact"
        case Check.PREDICATE:
            return fault_of(candidate, predicates) or f"the predicate {consumes.where!r} is false"
        case Check.DEPTH:
            return f"{artifact.depth} artifacts led to this one: the chain is cut as a loop"
        case Check.EXCLUSIVE:
            return "another exclusive consumer with a higher priority, or of longer standing, got it"
