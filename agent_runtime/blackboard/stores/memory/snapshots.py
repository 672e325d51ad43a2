"""Deliveries in memory as they stand, for another store, and back."""

from dataclasses import replace

from agent_runtime.blackboard.matching.joins import window_start
from agent_runtime.blackboard.stores.delivery.delivery import State, Waiting
from agent_runtime.blackboard.stores.records import AT_ONCE, Kept


def frozen(waiting: Waiting) -> Kept:
    """A delivery for another store. Memory keeps no errors of single attempts."""
    due, since = AT_ONCE, None
    if waiting.timer is not None and waiting.state is State.WAITS:
        due = waiting.timer
    elif waiting.timer is not None and waiting.state is State.GATHERED and waiting.plan.gathering is not None:
        due = since = window_start(waiting.plan.gathering, waiting.timer)
    plan = replace(waiting.plan, due=due)
    return Kept(plan, waiting.attempt, waiting.base, waiting.sets, since=since)


def thawed(kept: Kept, sequence: int) -> Waiting:
    """The delivery at a new place, not offered yet."""
    return Waiting(kept.plan, sequence, kept.attempt, kept.base, sets=kept.sets)
