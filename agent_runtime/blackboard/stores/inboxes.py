"""Inboxes in memory: deliveries that wait, are held, or have been given up. No I/O, no clock of its own."""

import heapq
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from agent_runtime.blackboard.leases import LeaseId
from agent_runtime.blackboard.stores.port import (
    DEAD_LETTERS_KEPT,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    InboxFull,
    LeaseLost,
    Planned,
    Swept,
    Terms,
)


@dataclass(slots=True, eq=False)
class _Waiting:
    """One delivery. `held` says whether somebody works on it; `timer` when time will change its state."""

    plan: Planned
    sequence: int
    attempt: int = 0
    held: bool = False
    timer: datetime | None = None
    error: str = ""

    def rank(self) -> tuple[int, int]:
        return -self.plan.priority, self.sequence


class Inboxes:
    """All agents' inboxes of one board."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._sequence = count(1)
        self._tie = count()
        self._deliveries: dict[str, _Waiting] = {}
        self._ready: dict[str, list[tuple[tuple[int, int], str]]] = {}
        self._timers: list[tuple[datetime, int, _Waiting]] = []
        self._finished: OrderedDict[str, tuple[datetime, tuple[str, ...]]] = OrderedDict()
        self.pending: dict[str, int] = {}
        self.dead: OrderedDict[str, DeadLetter] = OrderedDict()

    def check_room(self, plans: Sequence[Planned]) -> None:
        """Raises InboxFull when the plans do not all fit in."""
        wanted: dict[str, int] = {}
        for plan in plans:
            wanted[plan.agent] = wanted.get(plan.agent, 0) + 1
        for agent, more in wanted.items():
            if self.pending.get(agent, 0) + more > self._terms.max_pending:
                raise InboxFull(agent)

    def put(self, plan: Planned, now: datetime) -> None:
        """Put a delivery into its agent's inbox."""
        waiting = _Waiting(plan, next(self._sequence))
        self._deliveries[plan.name] = waiting
        self.pending[plan.agent] = self.pending.get(plan.agent, 0) + 1
        self._offer(waiting, plan.due, now)

    def lease(
        self, agent: str, limit: int, now: datetime
    ) -> Iterator[tuple[LeaseId, tuple[str, ...], datetime]]:
        """Hand out what is ready: (lease, ids of its artifacts, until)."""
        ready = self._ready.get(agent, [])
        for _ in range(min(limit, len(ready))):
            waiting = self._deliveries[heapq.heappop(ready)[1]]
            waiting.attempt += 1
            waiting.held = True
            until = now + self._terms.lease
            self._set_timer(waiting, until)
            yield LeaseId(waiting.plan.name, waiting.attempt), waiting.plan.artifact_ids, until

    def held(self, lease: LeaseId, now: datetime) -> tuple[str, ...]:
        """Ids of the artifacts of a lease that is held. Raises LeaseLost; for a finished one `results`."""
        return self._held(lease, now).plan.artifact_ids

    def results(self, lease: LeaseId) -> tuple[str, ...] | None:
        """What the acknowledgement of this lease published; None when it was not acknowledged."""
        known = self._finished.get(str(lease))
        return known[1] if known else None

    def extend(self, lease: LeaseId, now: datetime) -> datetime:
        """Hold it for a whole term more. Raises LeaseLost."""
        waiting = self._held(lease, now)
        until = now + self._terms.lease
        self._set_timer(waiting, until)
        return until

    def finish(self, lease: LeaseId, results: tuple[str, ...], now: datetime) -> None:
        """Done. Raises LeaseLost."""
        self._remove(self._held(lease, now))
        self._finished[str(lease)] = (now, results)
        while next(iter(self._finished.values()))[0] < now - FINISHED_KEPT:
            self._finished.popitem(last=False)

    def fail(self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime) -> DeadLetter | None:
        """Offer it again, or give it up. Raises LeaseLost."""
        if self._failed_before(lease):
            return None
        waiting = self._held(lease, now)
        waiting.held = False
        waiting.error = error
        if retry_at is None or waiting.attempt >= self._terms.max_deliveries:
            return self._give_up(waiting, now)
        self._offer(waiting, retry_at, now)
        return None

    def sweep(self, now: datetime) -> Swept:
        """Everything whose time has come."""
        ready: dict[str, None] = {}
        expired: list[str] = []
        dead: list[DeadLetter] = []
        while self._timers and (self._timers[0][0] <= now or not self._current(self._timers[0])):
            entry = heapq.heappop(self._timers)
            if not self._current(entry):
                continue
            waiting = entry[2]
            if waiting.held:
                waiting.held = False
                waiting.error = LEASE_RAN_OUT
                if waiting.attempt >= self._terms.max_deliveries:
                    dead.append(self._give_up(waiting, now))
                    continue
                expired.append(waiting.plan.name)
            self._offer(waiting, now, now)
            ready[waiting.plan.agent] = None
        next_due = self._timers[0][0] if self._timers else None
        return Swept(tuple(ready), tuple(expired), tuple(dead), next_due)

    def _offer(self, waiting: _Waiting, due: datetime, now: datetime) -> None:
        if due > now:
            self._set_timer(waiting, due)
            return
        waiting.timer = None
        inbox = self._ready.setdefault(waiting.plan.agent, [])
        heapq.heappush(inbox, (waiting.rank(), waiting.plan.name))

    def _set_timer(self, waiting: _Waiting, due: datetime) -> None:
        waiting.timer = due
        heapq.heappush(self._timers, (due, next(self._tie), waiting))

    def _current(self, entry: tuple[datetime, int, _Waiting]) -> bool:
        """Whether the entry still stands: a later timer, or an end, leaves the earlier one in the heap."""
        due, _, waiting = entry
        return waiting.timer == due and waiting.plan.name in self._deliveries

    def _held(self, lease: LeaseId, now: datetime) -> _Waiting:
        waiting = self._deliveries.get(lease.delivery)
        if waiting is None or not waiting.held or waiting.attempt != lease.attempt:
            raise LeaseLost(f"lease {lease} is not held")
        if waiting.timer is None or waiting.timer <= now:
            raise LeaseLost(f"lease {lease} ran out")
        return waiting

    def _failed_before(self, lease: LeaseId) -> bool:
        waiting = self._deliveries.get(lease.delivery)
        if waiting is not None:
            return waiting.attempt == lease.attempt and not waiting.held
        letter = self.dead.get(lease.delivery)
        return letter is not None and letter.attempts == lease.attempt

    def _remove(self, waiting: _Waiting) -> None:
        del self._deliveries[waiting.plan.name]
        waiting.timer = None
        left = self.pending[waiting.plan.agent] - 1
        if left:
            self.pending[waiting.plan.agent] = left
        else:
            del self.pending[waiting.plan.agent]

    def _give_up(self, waiting: _Waiting, now: datetime) -> DeadLetter:
        self._remove(waiting)
        plan = waiting.plan
        letter = DeadLetter(plan.name, plan.agent, plan.artifact_ids, waiting.attempt, waiting.error, now)
        self.dead[plan.name] = letter
        if len(self.dead) > DEAD_LETTERS_KEPT:
            self.dead.popitem(last=False)
        return letter
