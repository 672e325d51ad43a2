"""Part-filled groups in memory: see `matching.joins`."""

from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter

from agent_runtime.blackboard.matching.joins import JoinSpec, complete, partial
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery

# lists, though a set is taken from their front: empty ones are small, and there may be a group for each item
_Slots = tuple[list[PendingDelivery], ...]
_age = attrgetter("sequence")


class Groups:
    """The items of all groups, by agent and group: none of them complete."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, _Slots]] = {}

    def add(self, item: PendingDelivery, join: JoinSpec) -> list[PendingDelivery] | None:
        """Put in an item; the set that it completes is taken out."""
        groups = self._groups.setdefault(item.plan.agent, {})
        slots = groups.get(join.group)
        if slots is None:
            slots = groups[join.group] = tuple([] for _ in join.needs)
        insort(slots[join.slot], item, key=_age)
        taken = complete(join.needs, slots)
        if taken is not None:
            self._remove(item.plan.agent, join, slots)
        return taken

    def end(self, agent: str, join: JoinSpec) -> tuple[list[PendingDelivery], list[int]]:
        """Take out what there is of the next set; with how many items each slot had."""
        slots = self._groups[agent][join.group]
        taken = partial(join.needs, slots)
        present = [len(slot) for slot in slots]
        self._remove(agent, join, slots)
        return taken, present

    def forget(self, agent: str) -> None:
        """Drop all groups of an agent."""
        self._groups.pop(agent, None)

    def _remove(self, agent: str, join: JoinSpec, slots: _Slots) -> None:
        """The items of the next set, and the group when nothing is left."""
        for need, slot in zip(join.needs, slots, strict=True):
            del slot[:need]
        if not any(slots):
            groups = self._groups[agent]
            del groups[join.group]
            if not groups:
                del self._groups[agent]


def merge(items: Sequence[PendingDelivery], then: JoinSpec | None) -> PendingDelivery:
    """Make one delivery of a set: the first item takes what the others have, and goes on into `then`."""
    first = items[0]
    ids = tuple(chain.from_iterable(item.plan.artifact_ids for item in items))
    first.plan = replace(first.plan, artifact_ids=ids, join=then)
    first.sets = tuple(chain.from_iterable(item.sets for item in items)) if then is None else (len(ids),)
    return first
