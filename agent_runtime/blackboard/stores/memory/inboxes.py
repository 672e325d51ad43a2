"""Inboxes in memory: deliveries that wait, are gathered, or are held. No I/O, no clock of its own."""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count
from operator import attrgetter

from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.matching.joins import JoinSpec, shortfall, window_end
from agent_runtime.blackboard.stores.delivery.dead_letters import DeadLetters
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, State, Timers
from agent_runtime.blackboard.stores.delivery.groups import Groups, merge
from agent_runtime.blackboard.stores.delivery.overdue import Overdue
from agent_runtime.blackboard.stores.errors import InboxFull, LeaseLost
from agent_runtime.blackboard.stores.memory.snapshots import frozen, thawed
from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    FINISHED_KEPT,
    LEASE_RAN_OUT,
    DeadLetter,
    DeliveryPlan,
    DeliverySnapshot,
    ExpiryReport,
    Incomplete,
    Limits,
)

_PLACE = attrgetter("sequence")


@dataclass(slots=True)
class _Sweep:
    """What has come to pass in a sweep so far."""

    ready: dict[str, None] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    incomplete: list[Incomplete] = field(default_factory=list)


class Inboxes:
    """All agents' inboxes of one board."""

    def __init__(self, terms: Limits) -> None:
        self._terms = terms
        self._sequence = count(1)
        self._deliveries: dict[str, PendingDelivery] = {}
        self._groups = Groups()
        self._ready: dict[str, list[tuple[tuple[int, int], str]]] = {}
        self._timers = Timers()
        self._finished: OrderedDict[LeaseId, tuple[datetime, tuple[str, ...]]] = OrderedDict()
        self.pending: dict[str, int] = {}
        self.dead = DeadLetters()

    def check_room(self, plans: Sequence[DeliveryPlan]) -> None:
        """Raises InboxFull when the plans do not all fit in."""
        wanted: dict[str, int] = {}
        for plan in plans:
            wanted[plan.agent] = wanted.get(plan.agent, 0) + 1
        for agent, more in wanted.items():
            if self.pending.get(agent, 0) + more > self._terms.max_pending:
                raise InboxFull(agent)

    def put(self, plan: DeliveryPlan, now: datetime) -> None:
        """Put a delivery into its agent's inbox."""
        waiting = PendingDelivery(plan, next(self._sequence))
        self._insert(waiting)
        self._offer(waiting, plan.due, now)

    def lease(self, agent: str, limit: int, now: datetime) -> Iterator[tuple[PendingDelivery, datetime]]:
        """Hand out what is ready, with until when."""
        ready = self._ready.get(agent)
        if not ready:
            return
        for _ in range(min(limit, len(ready))):
            waiting = self._deliveries[heapq.heappop(ready)[1]]
            waiting.attempt += 1
            waiting.state = State.HELD
            until = now + self._terms.lease
            self._set_timer(waiting, until)
            yield waiting, until

    def held(self, lease: LeaseId, now: datetime) -> tuple[str, ...]:
        """Ids of the artifacts of a lease that is held. Raises LeaseLost; for a finished one `results`."""
        return self._held(lease, now).plan.artifact_ids

    def results(self, lease: LeaseId) -> tuple[str, ...] | None:
        """What the acknowledgement of this lease published; None when it was not acknowledged.

        Nor was one that is held: it is of an artifact that was pruned and published anew.
        """
        waiting = self._deliveries.get(lease.delivery)
        if waiting is not None and waiting.state is State.HELD and waiting.attempt == lease.attempt:
            return None
        known = self._finished.get(lease)
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
        self._finished[lease] = (now, results)
        self._finished.move_to_end(lease)
        while next(iter(self._finished.values()))[0] < now - FINISHED_KEPT:
            self._finished.popitem(last=False)

    def fail(self, lease: LeaseId, error: str, retry_at: datetime | None, now: datetime) -> DeadLetter | None:
        """Offer it again, or give it up. Raises LeaseLost."""
        if self._failed_before(lease):
            return None
        waiting = self._held(lease, now)
        if retry_at is None or self._exhausted(waiting):
            return self._give_up(waiting, error, now)
        self._offer(waiting, retry_at, now)
        return None

    def release(self, lease: LeaseId, now: datetime) -> bool:
        """Offer it again at once, and do not count the attempt. Raises LeaseLost."""
        if self._failed_before(lease):
            return False
        waiting = self._held(lease, now)
        waiting.base += 1
        self._offer(waiting, now, now)
        return True

    def sweep(self, now: datetime) -> ExpiryReport:
        """Everything whose time has come, in the order of time; for groups as if it were that time."""
        sweep = _Sweep()
        for waiting in self._timers.due(now):
            at = waiting.timer or now
            if waiting.state is State.GATHERED:
                self._end_window(waiting, at, now, sweep)
                continue
            if waiting.state is State.HELD:
                if self._exhausted(waiting):
                    sweep.dead.append(self._give_up(waiting, LEASE_RAN_OUT, now))
                    continue
                sweep.expired.append(waiting.plan.name)
            if self._offer(waiting, at, at):
                sweep.ready[waiting.plan.agent] = None
        return ExpiryReport(
            tuple(sweep.ready),
            tuple(sweep.expired),
            tuple(sweep.dead),
            tuple(sweep.incomplete),
            self._timers.next(),
        )

    def raise_if_overdue(self, by: datetime) -> None:
        """Raises Overdue when something is due by that time."""
        due = self._timers.next()
        if due is not None and due <= by:
            raise Overdue(by)

    def forget(self, agent: str) -> int:
        """Remove all deliveries of an agent; returns how many there were."""
        gone = [waiting for waiting in self._deliveries.values() if waiting.plan.agent == agent]
        self._groups.forget(agent)
        self._ready.pop(agent, None)
        self._remove_all(gone)
        return len(gone)

    def replay(self, deliveries: Sequence[str], now: datetime) -> list[DeadLetter]:
        """Offer dead letters again."""
        letters = []
        for letter, before in self.dead.take(deliveries):
            attempts = letter.attempts
            waiting = PendingDelivery(
                before.plan, next(self._sequence), attempts, base=attempts, sets=before.sets
            )
            self._insert(waiting)
            self._offer(waiting, now, now)
            letters.append(letter)
        return letters

    def needed(self) -> set[str]:
        """Ids of the artifacts that a delivery or a dead letter names."""
        alive = chain.from_iterable(waiting.plan.artifact_ids for waiting in self._deliveries.values())
        return set(chain(alive, self.dead.artifact_ids()))

    def snapshot(self) -> tuple[DeliverySnapshot, ...]:
        """All deliveries, by their places."""
        return tuple(frozen(waiting) for waiting in sorted(self._deliveries.values(), key=_PLACE))

    def restore(self, deliveries: Iterable[DeliverySnapshot]) -> None:
        """Put them in, behind each other."""
        for kept in deliveries:
            waiting = thawed(kept, next(self._sequence))
            self._insert(waiting)
            if kept.since is not None and waiting.plan.join is not None:
                self._gather(waiting, waiting.plan.join, kept.since)
            else:
                self._offer(waiting, kept.plan.due, AT_ONCE)

    def _offer(self, waiting: PendingDelivery, due: datetime, now: datetime) -> bool:
        """From `due` on, for its group or by itself; returns whether there is something to hand out now."""
        if due > now:
            waiting.state = State.WAITS
            self._set_timer(waiting, due)
            return False
        if waiting.plan.join is not None:
            return self._gather(waiting, waiting.plan.join, now)
        waiting.state = State.READY
        waiting.timer = None
        inbox = self._ready.setdefault(waiting.plan.agent, [])
        heapq.heappush(inbox, (waiting.rank(), waiting.plan.name))
        return True

    def _gather(self, item: PendingDelivery, join: JoinSpec, now: datetime) -> bool:
        """Put it into its group; returns whether that made something to hand out."""
        item.state = State.GATHERED
        self._set_timer(item, window_end(join, now))
        complete = self._groups.add(item, join)
        if complete is None:
            return False
        return self._offer(self._merge(complete, join.then), now, now)

    def _merge(self, items: Sequence[PendingDelivery], then: JoinSpec | None) -> PendingDelivery:
        """One delivery of a set; the others are gone."""
        self._remove_all(items[1:])
        return merge(items, then)

    def _end_window(self, item: PendingDelivery, at: datetime, now: datetime, sweep: _Sweep) -> None:
        """End sets of its group until it is in one: an older item may have come later, from an embargo."""
        join = item.plan.join
        while join is not None and item.timer is not None and item.plan.join is join:
            items, present = self._groups.end(item.plan.agent, join)
            name, agent = items[0].plan.name, items[0].plan.agent
            message = shortfall(join, present)
            if not join.is_batch:
                sweep.incomplete.append(Incomplete(name, agent, join.expiry, message))
            if join.expiry == "Drop":
                self._remove_all(items)
            elif join.expiry == "DeadLetter":
                sweep.dead.append(self._give_up(self._merge(items, None), message, now))
            elif self._offer(self._merge(items, join.then), at, at):
                sweep.ready[agent] = None

    def _exhausted(self, waiting: PendingDelivery) -> bool:
        return waiting.attempt - waiting.base >= self._terms.max_deliveries

    def _set_timer(self, waiting: PendingDelivery, due: datetime) -> None:
        self._timers.set(waiting, due, len(self._deliveries))

    def _held(self, lease: LeaseId, now: datetime) -> PendingDelivery:
        waiting = self._deliveries.get(lease.delivery)
        if waiting is None or waiting.state is not State.HELD or waiting.attempt != lease.attempt:
            raise LeaseLost(f"lease {lease} is not held")
        if waiting.timer is None or waiting.timer <= now:
            raise LeaseLost(f"lease {lease} ran out")
        return waiting

    def _failed_before(self, lease: LeaseId) -> bool:
        waiting = self._deliveries.get(lease.delivery)
        if waiting is not None:
            return waiting.attempt == lease.attempt and waiting.state is not State.HELD
        letter = self.dead.get(lease.delivery)
        return letter is not None and letter.attempts == lease.attempt

    def _insert(self, waiting: PendingDelivery) -> None:
        self._deliveries[waiting.plan.name] = waiting
        self.pending[waiting.plan.agent] = self.pending.get(waiting.plan.agent, 0) + 1

    def _remove_all(self, deliveries: Iterable[PendingDelivery]) -> None:
        for waiting in deliveries:
            self._remove(waiting)

    def _remove(self, waiting: PendingDelivery) -> None:
        del self._deliveries[waiting.plan.name]
        waiting.timer = None
        left = self.pending[waiting.plan.agent] - 1
        if left:
            self.pending[waiting.plan.agent] = left
        else:
            del self.pending[waiting.plan.agent]

    def _give_up(self, waiting: PendingDelivery, error: str, now: datetime) -> DeadLetter:
        self._remove(waiting)
        return self.dead.add(waiting, error, now)
