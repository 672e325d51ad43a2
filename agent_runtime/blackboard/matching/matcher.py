"""Which agents an artifact sets to work. Pure: subscribers and an artifact in, matches out.

An agent whose types, producers or tags do not fit is never looked at: candidates are found by index.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import AccessPolicy, Isolation, is_foreign
from agent_runtime.blackboard.access.visibility import visible_from
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.checks import (
    Candidate,
    Check,
    Predicates,
    fault_of,
    first_refusal,
    hides,
    prepare,
    sentence,
)
from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.core.cel import CelError
from agent_runtime.embedding.port import Vector

MAX_DEPTH = 100
"""How long a chain of artifacts may grow before it stops setting agents to work: it is a loop."""


class Match(NamedTuple):
    """An agent that gets the artifact, how urgent it is to it, and from when on it may have it."""

    agent: str
    priority: int
    due: datetime
    entry: str = ""
    """Digest of the entry with a join or a batch that made it; empty: it comes alone."""
    join: JoinSpec | None = None
    """Where it waits for the others, once it is due."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The outcome for one artifact."""

    matches: tuple[Match, ...] = ()
    denied: tuple[tuple[Identity, Check], ...] = ()
    """Agents that subscribe to it and may never see it, and what keeps it from them."""
    foreign: tuple[Identity, ...] = ()
    """Agents that match, and would not were tenancy Strict; told when it is Log."""
    faults: tuple[tuple[str, str], ...] = ()
    """(agent, message) for predicates that failed; a failed predicate does not match."""
    looped: bool = False
    """It would have matched, and did not, because the chain behind it is too long."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why one entry of an agent's `consumes` matched or did not."""

    entry: int
    """Its index."""
    refused_by: Check | None
    """None: it matched."""
    message: str


_NOTHING = Matched()


@dataclass(slots=True)
class _Bucket:
    """The candidates of one type, by the most selective thing that they ask for."""

    free: list[Candidate] = field(default_factory=list)
    by_producer: dict[str, list[Candidate]] = field(default_factory=dict)
    by_tag: dict[str, list[Candidate]] = field(default_factory=dict)

    def add(self, candidate: Candidate) -> None:
        if candidate.producers:
            for producer in candidate.producers:
                self.by_producer.setdefault(producer, []).append(candidate)
        elif candidate.tags:
            for tag in candidate.tags:
                self.by_tag.setdefault(tag, []).append(candidate)
        else:
            self.free.append(candidate)

    def find(self, artifact: Artifact) -> Iterator[Candidate]:
        """May yield a candidate more than once: for each tag that fits."""
        yield from self.free
        yield from self.by_producer.get(artifact.producer, ())
        if self.by_tag:
            for tag in artifact.tags:
                yield from self.by_tag.get(tag, ())


class Index:
    """The subscribers of a board at one version, prepared for matching."""

    __slots__ = ("_access", "_buckets", "_by_agent", "_comparing", "_max_depth", "version")

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        version: int = 0,
        *,
        isolation: Isolation | None = None,
        max_depth: int = MAX_DEPTH,
        meanings: Mapping[str, Vector] = MappingProxyType({}),
    ) -> None:
        """`meanings` are the vectors of the texts that subscribers want something similar to."""
        self.version = version
        self._access = AccessPolicy(isolation)
        self._max_depth = max_depth
        self._buckets: dict[str, _Bucket] = {}
        self._by_agent: dict[str, list[Candidate]] = {}
        self._comparing: set[str] = set()
        for subscriber in subscribers:
            prepared = [prepare(subscriber, consumes, meanings) for consumes in subscriber.consumes]
            self._by_agent[subscriber.identity.name] = prepared
            for candidate in prepared:
                if candidate.similar is not None:
                    self._comparing.update(candidate.consumes.types)
                if candidate.consumes.mode != "Direct":
                    for type_ in dict.fromkeys(candidate.consumes.types):
                        self._buckets.setdefault(type_, _Bucket()).add(candidate)

    def compares(self, type_: str) -> bool:
        """Whether somebody wants to know what artifacts of this type mean."""
        return type_ in self._comparing

    def match(self, artifact: Artifact, meaning: Vector | None = None) -> Matched:
        """Each shared consumer that fits, and of the exclusive ones the first.

        `meaning` is the artifact's vector, where its type `compares`.

        An agent has at most one match that comes alone, and one for each entry with a join or a batch.
        """
        bucket = self._buckets.get(artifact.type)
        if bucket is None:
            return _NOTHING
        predicates = Predicates(artifact, meaning)
        fitting: list[Candidate] = []
        denied: dict[Identity, Check] = {}
        faults: dict[tuple[str, str], None] = {}
        for candidate in bucket.find(artifact):
            refused_by = first_refusal(candidate, artifact, predicates, self._access)
            if refused_by is None:
                fitting.append(candidate)
            elif refused_by in (Check.VISIBILITY, Check.TENANCY):
                denied[candidate.subscriber.identity] = refused_by
            elif refused_by is Check.PREDICATE and (fault := fault_of(candidate, predicates)):
                faults[candidate.agent, fault] = None
        looped = bool(fitting) and artifact.depth >= self._max_depth
        matches, foreign = ((), ()) if looped else self._choose(fitting, artifact, predicates)
        return Matched(matches, tuple(denied.items()), foreign, tuple(faults), looped)

    def _choose(
        self, fitting: Sequence[Candidate], artifact: Artifact, predicates: Predicates
    ) -> tuple[tuple[Match, ...], tuple[Identity, ...]]:
        logs = self._access.logs
        foreign: dict[Identity, None] = {}
        alone: dict[str, Match] = {}
        grouped: dict[tuple[str, str], Match] = {}
        for candidate in _after_exclusion(fitting):
            agent, priority = candidate.agent, candidate.consumes.priority
            identity = candidate.subscriber.identity
            due = visible_from(artifact, identity) or artifact.created_at
            if logs and is_foreign(artifact, identity):
                foreign[identity] = None
            if candidate.grouping is None:
                before = alone.get(agent)
                if before is None or before.priority < priority:
                    alone[agent] = Match(agent, priority, due)
                continue
            key = predicates.fault_or_key(candidate)
            assert not isinstance(key, CelError)  # a check that has said no
            place = candidate.grouping.place(artifact, key)
            grouped[agent, candidate.entry] = Match(agent, priority, due, candidate.entry, place)
        return (*alone.values(), *grouped.values()), tuple(foreign)

    def explain(self, artifact: Artifact, agent: str, meaning: Vector | None = None) -> tuple[Verdict, ...]:
        """For each entry of the agent's `consumes`, which check said no. Empty: it is not subscribed."""
        return self._explain(artifact, [agent], meaning).get(agent, ())

    def explain_all(
        self, artifact: Artifact, meaning: Vector | None = None
    ) -> dict[str, tuple[Verdict, ...]]:
        """The same of every subscriber, in the order in which they subscribed."""
        return self._explain(artifact, list(self._by_agent), meaning)

    def _explain(
        self, artifact: Artifact, agents: Sequence[str], meaning: Vector | None
    ) -> dict[str, tuple[Verdict, ...]]:
        predicates = Predicates(artifact, meaning)
        bucket = self._buckets.get(artifact.type)
        fitting = [
            candidate
            for candidate in ([] if bucket is None else dict.fromkeys(bucket.find(artifact)))
            if first_refusal(candidate, artifact, predicates, self._access) is None
        ]
        chosen = set(_after_exclusion(fitting))
        winner = _first_exclusive(fitting)
        verdicts: dict[str, tuple[Verdict, ...]] = {}
        for agent in agents:
            found = []
            for at, candidate in enumerate(self._by_agent.get(agent, ())):
                refused_by = first_refusal(candidate, artifact, predicates, self._access)
                if refused_by is None and artifact.depth >= self._max_depth:
                    refused_by = Check.DEPTH
                if refused_by is None and candidate not in chosen:
                    refused_by = Check.EXCLUSIVE
                message = sentence(refused_by, candidate, artifact, predicates)
                if refused_by is Check.EXCLUSIVE:
                    message = f"{message}: {winner}"
                found.append(Verdict(at, refused_by, message))
            if found:
                verdicts[agent] = tuple(found)
        return verdicts

    def invoked(self, artifact: Artifact, agent: str) -> Match | Check | None:
        """The match of an agent that is asked by name, or the check that says no; None: it is not subscribed.

        Type, mode and what it may see are asked; who made the artifact and what is in it are not.
        """
        entries = self._by_agent.get(agent)
        if entries is None:
            return None
        if self._access.denies(artifact, entries[0].subscriber.identity):
            return Check.TENANCY  # before all else: what it consumes is its tenant's business
        of_type = [one for one in entries if artifact.type in one.consumes.types]
        if not of_type:
            return Check.TYPE
        direct = [one for one in of_type if one.consumes.mode != "Events"]
        if not direct:
            return Check.MODE
        if (hidden_by := hides(direct[0].subscriber, artifact, self._access)) is not None:
            return hidden_by
        due = visible_from(artifact, direct[0].subscriber.identity) or artifact.created_at
        return Match(agent, max(one.consumes.priority for one in direct), due)


def _after_exclusion(fitting: Sequence[Candidate]) -> Iterator[Candidate]:
    """Without the exclusive entries of all agents but the first."""
    first = _first_exclusive(fitting)
    for candidate in fitting:
        if candidate.consumes.delivery == "Shared" or candidate.agent == first:
            yield candidate


def _first_exclusive(fitting: Sequence[Candidate]) -> str:
    """The agent that gets what only one may get; "" when no entry is exclusive."""
    exclusive = [candidate for candidate in fitting if candidate.consumes.delivery == "Exclusive"]
    return min(exclusive, key=Candidate.rank).agent if exclusive else ""
