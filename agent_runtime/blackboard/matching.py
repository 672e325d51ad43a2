"""Which agents an artifact sets to work. Pure: subscribers and an artifact in, matches out.

An agent whose types, producers or tags do not fit is never looked at: candidates are found by index.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.checks import (
    Candidate,
    Check,
    Predicates,
    fault_of,
    first_refusal,
    prepare,
    sentence,
)
from agent_runtime.blackboard.subscriptions import Subscriber
from agent_runtime.blackboard.visibility import visible_from

MAX_DEPTH = 100
"""How long a chain of artifacts may grow before it stops setting agents to work: it is a loop."""


@dataclass(frozen=True, slots=True)
class Match:
    """An agent that gets the artifact, how urgent it is to it, and from when on it may have it."""

    agent: str
    priority: int
    due: datetime


@dataclass(frozen=True, slots=True)
class Matched:
    """The outcome for one artifact."""

    matches: tuple[Match, ...] = ()
    denied: tuple[str, ...] = ()
    """Agents that subscribe to it and may never see it."""
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

    __slots__ = ("_buckets", "_by_agent", "_max_depth", "version")

    def __init__(
        self, subscribers: Sequence[Subscriber], version: int = 0, *, max_depth: int = MAX_DEPTH
    ) -> None:
        self.version = version
        self._max_depth = max_depth
        self._buckets: dict[str, _Bucket] = {}
        self._by_agent: dict[str, list[Candidate]] = {}
        for subscriber in subscribers:
            prepared = [prepare(subscriber, consumes) for consumes in subscriber.consumes]
            self._by_agent[subscriber.identity.name] = prepared
            for candidate in prepared:
                if candidate.consumes.mode != "Direct":
                    for type_ in dict.fromkeys(candidate.consumes.types):
                        self._buckets.setdefault(type_, _Bucket()).add(candidate)

    def match(self, artifact: Artifact) -> Matched:
        """Each shared consumer that fits, and of the exclusive ones the first; an agent at most once."""
        bucket = self._buckets.get(artifact.type)
        if bucket is None:
            return _NOTHING
        predicates = Predicates(artifact)
        fitting: list[Candidate] = []
        denied: dict[str, None] = {}
        faults: dict[str, str] = {}
        for candidate in bucket.find(artifact):
            refused_by = first_refusal(candidate, artifact, predicates)
            if refused_by is None:
                fitting.append(candidate)
            elif refused_by is Check.VISIBILITY:
                denied[candidate.agent] = None
            elif refused_by is Check.PREDICATE and (fault := fault_of(candidate, predicates)):
                faults[candidate.agent] = fault
        looped = bool(fitting) and artifact.depth >= self._max_depth
        matches = () if looped else _choose(fitting, artifact)
        return Matched(matches, tuple(denied), tuple(faults.items()), looped)

    def explain(self, artifact: Artifact, agent: str) -> tuple[Verdict, ...]:
        """For each entry of the agent's `consumes`, which check said no. Empty: it is not subscribed."""
        predicates = Predicates(artifact)
        winners = {match.agent for match in self.match(artifact).matches}
        verdicts = []
        for entry, candidate in enumerate(self._by_agent.get(agent, ())):
            refused_by = first_refusal(candidate, artifact, predicates)
            if refused_by is None and artifact.depth >= self._max_depth:
                refused_by = Check.DEPTH
            if refused_by is None and agent not in winners:
                refused_by = Check.EXCLUSIVE
            message = sentence(refused_by, candidate, artifact, predicates)
            verdicts.append(Verdict(entry, refused_by, message))
        return tuple(verdicts)


def _choose(fitting: Sequence[Candidate], artifact: Artifact) -> tuple[Match, ...]:
    chosen: dict[str, int] = {}
    exclusive = [candidate for candidate in fitting if candidate.consumes.delivery == "Exclusive"]
    if exclusive:
        first = min(exclusive, key=Candidate.rank)
        chosen[first.agent] = first.consumes.priority
    dues: dict[str, datetime] = {}
    for candidate in fitting:
        agent = candidate.agent
        if candidate.consumes.delivery == "Shared":
            chosen[agent] = max(candidate.consumes.priority, chosen.get(agent, candidate.consumes.priority))
        if agent in chosen and agent not in dues:
            dues[agent] = visible_from(artifact, candidate.subscriber.identity) or artifact.created_at
    return tuple(Match(agent, priority, dues[agent]) for agent, priority in chosen.items())
