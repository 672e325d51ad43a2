"""Part-filled groups in memory: see `blackboard.gathering`."""

from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter

from agent_runtime.blackboard.matching.joins import Gathering, complete, partial
from agent_runtime.blackboard.stores.delivery.delivery import Waiting

# lists, though a set is taken from their front: empty ones are small, and there may be a group for each item
_Slots = tuple[list[Waiting], ...]
_age = attrgetter("sequence")


class Groups:
    """The items of all groups, by agent and group: none of them complete."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, _Slots]] = {}

    def add(self, item: Waiting, gathering: Gathering) -> list[Waiting] | None:
        """Put in an item; the set that it completes is taken out."""
        groups = self._groups.setdefault(item.plan.agent, {})
        slots = groups.get(gathering.group)
        if slots is None:
            slots = groups[gathering.group] = tuple([] for _ in gathering.needs)
        insort(slots[gathering.slot], item, key=_age)
        taken = complete(gathering.needs, slots)
        if taken is not None:
            self._remove(item.plan.agent, gathering, slots)
        return taken

    def end(self, agent: str, gathering: Gathering) -> tuple[list[Waiting], list[int]]:
        """Take out what there is of the next set; with how many items each slot had."""
        slots = self._groups[agent][gathering.group]
        taken = partial(gathering.needs, slots)
        present = [len(slot) for slot in slots]
        self._remove(agent, gathering, slots)
        return taken, present

    def forget(self, agent: str) -> None:
        """Drop all groups of an agent."""
        self._groups.pop(agent, None)

    def _remove(self, agent: str, gathering: Gathering, slots: _Slots) -> None:
        """The items of the next set, and the group when nothing is left."""
        for need, slot in zip(gathering.needs, slots, strict=True):
            del slot[:need]
        if not any(slots):
            groups = self._groups[agent]
            del groups[gathering.group]
            if not groups:
                del self._groups[agent]


def merge(items: Sequence[Waiting], then: Gathering | None) -> Waiting:
    """Make one delivery of a set: the first item takes what the others have, and goes on into `then`."""
    first = items[0]
    ids = tuple(chain.from_iterable(item.plan.artifact_ids for item in items))
    first.plan = replace(first.plan, artifact_ids=ids, gathering=then)
    first.sets = tuple(chain.from_iterable(item.sets for item in items)) if then is None else (len(ids),)
    return first
