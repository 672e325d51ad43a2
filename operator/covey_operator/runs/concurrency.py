"""Which runs may be under way: limits, and a line in front of them that is fair. Pure state, no clock.

There are three limits: of a Flow (`run.maxConcurrent`), of each namespace, and of all. A slot that is free
goes to the namespace with the fewest runs under way among those that could use it, then to the oldest run. So
a namespace with nothing under way comes before any that has something, whatever else stands in line.

Nothing here is kept: after a restart the runs under way are told by `hold`, and the rest ask anew.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from covey_operator.kube.keys import Key


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that wants to be under way, or is."""

    since: str
    """When the run was created, RFC 3339: the oldest comes first, also when it comes back from a wait."""
    flow: str
    """Whose runs `limit` counts, within the namespace."""
    limit: int | None = None
    """How many runs of the flow may be under way; None: any number."""
    under_way: bool = False
    """Its processes are there: it holds a slot, whatever the limits say."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Why a run has to wait, and about how long the line is."""

    limit: str
    """Which limit, in words: `Flow "report" (spec.run.maxConcurrent)`."""
    value: int
    ahead: int
    """About how many runs come before it."""

    @property
    def again_in(self) -> float:
        """Seconds after which to look at it again, only to say anew how long the line is."""
        return min(600.0, max(10.0, float(self.ahead)))

    @property
    def message(self) -> str:
        """A sentence for people."""
        runs = "1 run" if self.value == 1 else f"{self.value} runs"
        line = f"about {_rough(self.ahead)} come before this one" if self.ahead else "this one is next"
        return f"{self.limit} may have {runs} under way at once, and has them: {line}"


_Place = tuple[str, str]
"""(since, name): how runs of a namespace stand in line."""


class ConcurrencyLimiter:
    """The line. A change may let others go: who they are says `granted`."""

    def __init__(self, *, most: int | None = None, most_per_namespace: int | None = None) -> None:
        self._most = most
        self._most_per_namespace = most_per_namespace
        self._holders: dict[Key, Claim] = {}
        self._under_way: Counter[str] = Counter()
        self._of_flow: Counter[tuple[str, str]] = Counter()
        self._limits: dict[tuple[str, str], int] = {}
        self._line: dict[Key, Claim] = {}
        self._places: dict[str, dict[str, list[_Place]]] = {}
        self._granted: list[Key] = []

    def hold(self, key: Key, claim: Claim) -> None:
        """It is under way: it counts."""
        self._step_out(key)
        before = self._holders.get(key)
        if before is None or before.flow != claim.flow:
            self._let_go(key)
            self._take(key, claim)
        self._fill()

    def ask(self, key: Key, claim: Claim) -> QueuePosition | None:
        """None: it may go, and holds a slot until it leaves. Else why not yet: it stands in line now."""
        if key not in self._holders:
            if self._line.get(key) != claim:
                self._step_out(key)
                self._step_in(key, claim)
            self._fill(asking=key)
        return self._turn(key) if key in self._line else None

    def line_up(self, claims: Iterable[tuple[Key, Claim]]) -> None:
        """All of them ask at once: who goes first depends on nothing but the claims."""
        for key, claim in claims:
            if key not in self._holders and key not in self._line:
                self._step_in(key, claim)
        self._fill()

    def leave(self, key: Key) -> None:
        """It neither is under way nor wants to be."""
        self._step_out(key)
        self._let_go(key)
        self._fill()

    def granted(self) -> list[Key]:
        """Who got a slot since the last call without asking just then."""
        granted, self._granted = self._granted, []
        return granted

    def holders(self) -> frozenset[Key]:
        """Who holds a slot."""
        return frozenset(self._holders)

    def _take(self, key: Key, claim: Claim) -> None:
        self._holders[key] = claim
        self._under_way[key.namespace] += 1
        self._of_flow[key.namespace, claim.flow] += 1

    def _let_go(self, key: Key) -> None:
        claim = self._holders.pop(key, None)
        if claim is None:
            return
        self._under_way[key.namespace] -= 1
        self._of_flow[key.namespace, claim.flow] -= 1
        if not self._under_way[key.namespace]:
            del self._under_way[key.namespace]
        if not self._of_flow[key.namespace, claim.flow]:
            del self._of_flow[key.namespace, claim.flow]

    def _step_in(self, key: Key, claim: Claim) -> None:
        self._line[key] = claim
        lines = self._places.setdefault(key.namespace, {})
        insort(lines.setdefault(_line_of(claim), []), (claim.since, key.name))
        if claim.limit is not None:
            self._limits[key.namespace, claim.flow] = claim.limit  # the latest word on it counts for all

    def _step_out(self, key: Key) -> None:
        claim = self._line.pop(key, None)
        if claim is None:
            return
        lines, name = self._places[key.namespace], _line_of(claim)
        line, place = lines[name], (claim.since, key.name)
        del line[bisect_left(line, place)]
        if not line:
            del lines[name]
            self._limits.pop((key.namespace, claim.flow), None)
            if not lines:
                del self._places[key.namespace]

    def _fill(self, asking: Key | None = None) -> None:
        """Hand out what is free."""
        while (key := self._next()) is not None:
            claim = self._line[key]
            self._step_out(key)
            self._take(key, claim)
            if key != asking:
                self._granted.append(key)

    def _next(self) -> Key | None:
        if self._is_full():
            return None
        heads = (
            (self._under_way[namespace], *head, namespace)
            for namespace in self._places
            if (head := self._head(namespace)) is not None
        )
        best = min(heads, default=None)
        return None if best is None else Key("FlowRun", best[3], best[2])

    def _head(self, namespace: str) -> _Place | None:
        """The oldest run of the namespace that no limit of its own holds back."""
        if self._is_namespace_full(namespace):
            return None
        lines = self._places[namespace]
        free = (line[0] for flow, line in lines.items() if not self._is_flow_full(namespace, flow))
        return min(free, default=None)

    def _is_full(self) -> bool:
        return self._most is not None and len(self._holders) >= self._most

    def _is_namespace_full(self, namespace: str) -> bool:
        most = self._most_per_namespace
        return most is not None and self._under_way[namespace] >= most

    def _is_flow_full(self, namespace: str, flow: str) -> bool:
        limit = self._limits.get((namespace, flow))
        return limit is not None and self._of_flow[namespace, flow] >= limit

    def _turn(self, key: Key) -> QueuePosition:
        claim, namespace = self._line[key], key.namespace
        lines, place = self._places[namespace], (claim.since, key.name)
        if claim.limit is not None and self._is_flow_full(namespace, claim.flow):
            limit = self._limits[namespace, claim.flow]
            ahead = bisect_left(lines[_line_of(claim)], place)
            return QueuePosition(f'Flow "{claim.flow}" (spec.run.maxConcurrent)', limit, ahead)
        own = sum(bisect_left(line, place) for line in lines.values())
        if self._most_per_namespace is not None and self._is_namespace_full(namespace):
            return QueuePosition(
                f'namespace "{namespace}" (runs.maxConcurrentPerNamespace)', self._most_per_namespace, own
            )
        others = sum(
            min(own, sum(map(len, lines.values())))
            for name, lines in self._places.items()
            if name != namespace
        )
        return QueuePosition("the cluster (runs.maxConcurrent)", self._most or 0, own + others)


def _line_of(claim: Claim) -> str:
    """Runs of flows without a limit stand in one line: they differ in nothing."""
    return claim.flow if claim.limit is not None else ""


def _rough(number: int) -> str:
    """One significant digit: places change all the time, and nobody is told of each step."""
    scale = 10 ** max(0, len(str(number)) - 1)
    return str(number // scale * scale)
