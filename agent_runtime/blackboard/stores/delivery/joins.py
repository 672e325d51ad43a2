"""Part-filled groups as they were loaded from a store, and what becomes of their items: no I/O.

For stores that load what may change, settle it here, and write down what did.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from agent_runtime.blackboard.matching.joins import JoinSpec, shortfall, window_end
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, State
from agent_runtime.blackboard.stores.delivery.groups import Groups, merge
from agent_runtime.blackboard.stores.records import Incomplete

Slot = tuple[str, str, int]
"""Agent, group, and an index into its needs."""


class JoinState:
    """Groups with their items, and what has changed. None of the groups is complete in between."""

    def __init__(self, waiting: Iterable[PendingDelivery]) -> None:
        """`waiting` are GATHERED, and as many of each slot as `wanted` says, where there are so many."""
        self._groups = Groups()
        for item in waiting:
            self._groups.add(item, _gathering(item))
        self.changed: dict[str, PendingDelivery] = {}
        """By name: what is another delivery now, or waits elsewhere."""
        self.gone: list[PendingDelivery] = []
        """What is part of another delivery now, dead, or dropped."""
        self.fewer: dict[str, int] = {}
        """How many that is, by agent."""
        self.dead: list[tuple[PendingDelivery, str]] = []
        """Sets that became dead letters, and why."""
        self.incomplete: list[Incomplete] = []

    def ready(self) -> dict[str, None]:
        """The agents that have something to lease because of it."""
        return dict.fromkeys(item.plan.agent for item in self.changed.values() if item.state is State.READY)

    def arrive(self, item: PendingDelivery, now: datetime) -> None:
        """Put an item into its group, complete the set and what that goes on into."""
        join = _gathering(item)
        item.state, item.timer = State.GATHERED, window_end(join, now)
        full = self._groups.add(item, join)
        if full is not None:
            self._pass_on(full, join, now)

    def move(self, item: PendingDelivery, now: datetime) -> None:
        """The same with an item that the store has had elsewhere."""
        self.changed[item.plan.name] = item
        self.arrive(item, now)

    def end(self, item: PendingDelivery, now: datetime) -> None:
        """End sets of its group until it is in one: an older item may have come later, from an embargo."""
        join = item.plan.join
        while join is not None and item.timer is not None and item.plan.join is join:
            items, present = self._groups.end(item.plan.agent, join)
            first = items[0].plan
            message = shortfall(join, present)
            if not join.is_batch:
                self.incomplete.append(Incomplete(first.name, first.agent, join.expiry, message))
            match join.expiry:
                case "Deliver":
                    self._pass_on(items, join, now)
                case "DeadLetter":
                    whole = self._merge(items, None)
                    self.dead.append((whole, message))
                    self._remove([whole])
                case "Drop":
                    self._remove(items)

    def _pass_on(self, items: Sequence[PendingDelivery], join: JoinSpec, now: datetime) -> None:
        whole = self._merge(items, join.then)
        if join.then is not None:
            self.arrive(whole, now)

    def _merge(self, items: Sequence[PendingDelivery], then: JoinSpec | None) -> PendingDelivery:
        """One delivery of a set; the others are gone."""
        first = merge(items, then)
        first.state, first.timer = State.READY, None
        self.changed[first.plan.name] = first
        self._remove(items[1:])
        return first

    def _remove(self, items: Iterable[PendingDelivery]) -> None:
        for item in items:
            self.changed.pop(item.plan.name, None)
            item.timer = None
            self.gone.append(item)
            self.fewer[item.plan.agent] = self.fewer.get(item.plan.agent, 0) + 1


def wanted(
    arrivals: Iterable[tuple[str, JoinSpec]], ends: Mapping[Slot, tuple[JoinSpec, int]] | None = None
) -> dict[Slot, int]:
    """How many of the oldest items of which slots must be known to settle what happens to groups.

    `arrivals`: agents, and the groups in which they get an item. `ends`: slots with items whose windows have
    passed, and how many items there are up to the last one of those.
    """
    sets: dict[tuple[str, JoinSpec], int] = {}
    for agent, join in arrivals:
        sets[agent, join] = sets.get((agent, join), 0) + 1
    for (agent, _, slot), (join, items) in (ends or {}).items():
        ended = -(-items // join.needs[slot])
        sets[agent, join] = sets.get((agent, join), 0) + ended
    slots: dict[Slot, int] = {}
    for (agent, join), most in sets.items():
        for group in (join, *following(join)):
            for slot, need in enumerate(group.needs):
                at = agent, group.group, slot
                slots[at] = slots.get(at, 0) + need * most
    return slots


def following(join: JoinSpec) -> Iterator[JoinSpec]:
    """The batch that its sets go on into."""
    while join.then is not None:
        join = join.then
        yield join


def _gathering(item: PendingDelivery) -> JoinSpec:
    join = item.plan.join
    if join is None:
        raise ValueError(f"delivery {item.plan.name} belongs to no group")
    return join
