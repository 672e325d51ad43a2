"""The row of checks that an artifact and one entry of an agent's `consumes` go through.

Matching and explaining ask the same checks, so that the answer to "why did it not run?" is the decision
itself and not a second opinion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.access.tenants import AccessPolicy, is_foreign
from agent_runtime.blackboard.access.visibility import visible_from
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.correlation import BY_CORRELATION, Grouping, Key, as_key, is_grouped
from agent_runtime.blackboard.matching.predicate_bounds import LARGEST_SEARCHED, growth_in, searched_in_loops
from agent_runtime.blackboard.matching.subscriptions import NO_EMBEDDING, VARIABLES, Subscriber
from agent_runtime.blackboard.wire.codec import dumps
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.embedding.port import Vector, similarity


class Check(StrEnum):
    """What can say no, in the order in which it is asked."""

    TYPE = "type"
    MODE = "mode"
    PRODUCER = "producer"
    TAGS = "tags"
    SELF = "self"
    VISIBILITY = "visibility"
    TENANCY = "tenancy"
    PREDICATE = "predicate"
    SIMILARITY = "similarity"
    DEPTH = "depth"
    EXCLUSIVE = "exclusive"


@dataclass(slots=True, eq=False)
class Candidate:
    """One entry of one agent's `consumes`, prepared."""

    subscriber: Subscriber
    agent: str
    consumes: Consumes
    producers: frozenset[str]
    tags: frozenset[str]
    predicate: Expression | None
    grouping: Grouping | None
    """Of an entry with a join or a batch."""
    by: Expression | None
    """For the key of its groups; None: it needs no CEL."""
    similar: Vector | None
    """What the artifact must mean; None: anything."""
    broken: str
    """Why it can match nothing; empty when it can."""

    @property
    def entry(self) -> str:
        """The entry's digest, where it makes deliveries of its own; else empty."""
        return self.grouping.entry if self.grouping is not None else ""

    def rank(self) -> tuple[int, int]:
        """Smaller goes first among exclusive consumers."""
        return -self.consumes.priority, self.subscriber.order


class Predicates:
    """The values of expressions for one artifact: one activation, and equal expressions are asked once."""

    __slots__ = ("_activation", "_artifact", "_keys", "_similarity", "_size", "_values")

    def __init__(self, artifact: Artifact, meaning: Vector | None) -> None:
        """`meaning` may be None where no candidate asks for it."""
        self._artifact = artifact
        self._similarity = meaning
        self._activation: object = None
        self._size: int | None = None
        self._values: dict[str, bool | CelError] = {}
        self._keys: dict[str, Key | CelError] = {}

    def fault_or_value(self, predicate: Expression) -> bool | CelError:
        value = self._values.get(predicate.source)
        if value is None:
            try:
                value = predicate.holds_in(self._activated(predicate))
            except CelError as error:
                value = error
            self._values[predicate.source] = value
        return value

    def fault_or_key(self, candidate: Candidate) -> Key | CelError:
        """What the artifact has in common with those that it waits for; None where that is nothing."""
        if candidate.grouping is None or candidate.grouping.by is None:
            return None
        if candidate.by is None:
            return self._artifact.correlation
        source = candidate.by.source
        if source not in self._keys:
            self._keys[source] = self._key(candidate.by)
        return self._keys[source]

    def similarity(self, wanted: Vector) -> float:
        """The cosine similarity of the artifact's text and what is wanted, from -1 to 1."""
        return -1.0 if self._similarity is None else similarity(self._similarity, wanted)

    def _key(self, by: Expression) -> Key | CelError:
        try:
            return as_key(by.evaluate_in(self._activated(by)))
        except CelError as error:
            return error
        except ValueError as error:
            return CelError(f"expression {by.source!r} {error}")

    def _activated(self, expression: Expression) -> object:
        if searched_in_loops(expression.source, VARIABLES) and self._payload_size() > LARGEST_SEARCHED:
            raise CelError(
                f"expression {expression.source!r} looks at more than one element in a step of a loop: "
                f"that is done for payloads of up to {LARGEST_SEARCHED} bytes, this one has {self._size}"
            )
        if self._activation is None:
            self._activation = expression.activation(_variables(self._artifact))
        return self._activation

    def _payload_size(self) -> int:
        """Bytes of JSON."""
        if self._size is None:
            self._size = len(dumps(self._artifact.payload))
        return self._size


def _variables(artifact: Artifact) -> dict[str, object]:
    values = {name: getattr(artifact, name) for name in VARIABLES}
    values["tags"] = list(artifact.tags)
    return values


def prepare(subscriber: Subscriber, consumes: Consumes, meanings: Mapping[str, Vector]) -> Candidate:
    """What it takes is refused when an agent subscribes; another version of the server may have let it in."""
    similar = meanings.get(consumes.similar_to.text) if consumes.similar_to is not None else None
    faults = [NO_EMBEDDING] if consumes.similar_to is not None and similar is None else []
    predicate, by = _compiled(consumes.where, faults), _compiled(_by(consumes), faults)
    return Candidate(
        subscriber,
        subscriber.identity.name,
        consumes,
        frozenset(consumes.from_ or ()),
        frozenset(consumes.tags or ()),
        predicate,
        Grouping(consumes) if is_grouped(consumes) else None,
        by,
        similar,
        next(iter(faults), ""),
    )


def _compiled(source: str | None, faults: list[str]) -> Expression | None:
    if source is None:
        return None
    if (growth := growth_in(source)) is not None:
        faults.append(growth)
        return None
    try:
        return Expression(source, VARIABLES)
    except CelError as error:
        faults.append(str(error))
        return None


def _by(consumes: Consumes) -> str | None:
    by = consumes.join.by if consumes.join is not None else None
    return None if by == BY_CORRELATION else by


def first_refusal(
    candidate: Candidate, artifact: Artifact, predicates: Predicates, access: AccessPolicy
) -> Check | None:
    """The first check that says no. Visibility comes before the predicate: it must not see either."""
    if artifact.type not in candidate.consumes.types:
        return Check.TYPE
    if candidate.consumes.mode == "Direct":
        return Check.MODE
    if candidate.producers and artifact.producer not in candidate.producers:
        return Check.PRODUCER
    if candidate.tags and candidate.tags.isdisjoint(artifact.tags):
        return Check.TAGS
    if candidate.agent == artifact.producer and artifact.producer_role in ("agent", None):
        return Check.SELF
    if (hidden_by := hides(candidate.subscriber, artifact, access)) is not None:
        return hidden_by
    if candidate.broken or (
        candidate.predicate is not None and predicates.fault_or_value(candidate.predicate) is not True
    ):
        return Check.PREDICATE
    if _is_unlike(candidate, predicates):
        return Check.SIMILARITY
    if candidate.by is not None and isinstance(predicates.fault_or_key(candidate), CelError):
        return Check.PREDICATE
    return None


def _is_unlike(candidate: Candidate, predicates: Predicates) -> bool:
    wanted = candidate.consumes.similar_to
    if wanted is None or candidate.similar is None:
        return False
    return predicates.similarity(candidate.similar) < wanted.min_score


def hides(subscriber: Subscriber, artifact: Artifact, access: AccessPolicy) -> Check | None:
    """What keeps the artifact from the agent for ever, if anything does."""
    if visible_from(artifact, subscriber.identity) is None:
        return Check.VISIBILITY
    if access.strict and is_foreign(artifact, subscriber.identity):
        return Check.TENANCY
    return None


def fault_of(candidate: Candidate, predicates: Predicates) -> str:
    """Why the predicate, or the key, failed; empty when it did not fail but said no."""
    if candidate.broken:
        return candidate.broken
    if candidate.predicate is not None:
        value = predicates.fault_or_value(candidate.predicate)
        if value is not True:
            return str(value) if isinstance(value, CelError) else ""
    key = predicates.fault_or_key(candidate)
    return str(key) if isinstance(key, CelError) else ""


def sentence(check: Check | None, candidate: Candidate, artifact: Artifact, predicates: Predicates) -> str:
    consumes = candidate.consumes
    match check:
        case None:
            return _matched(candidate, artifact, predicates)
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
        case Check.TENANCY:
            return "the artifact belongs to another tenant (spec.isolation is Strict)"
        case Check.PREDICATE:
            return fault_of(candidate, predicates) or f"the predicate {consumes.where!r} is false"
        case Check.SIMILARITY:
            assert consumes.similar_to is not None
            assert candidate.similar is not None
            score, least = predicates.similarity(candidate.similar), consumes.similar_to.min_score
            return f"its text is {score:.2f} similar to {consumes.similar_to.text!r}, {least:g} is asked for"
        case Check.DEPTH:
            return f"{artifact.depth} artifacts led to this one: the chain is cut as a loop"
        case Check.EXCLUSIVE:
            return "another exclusive consumer with a higher priority, or of longer standing, got it"


def _matched(candidate: Candidate, artifact: Artifact, predicates: Predicates) -> str:
    key = predicates.fault_or_key(candidate)
    if candidate.grouping is None or isinstance(key, CelError):
        return "it matches"
    return f"it matches: {candidate.grouping.sentence(artifact, key)}"
