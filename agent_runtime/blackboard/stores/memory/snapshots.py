"""Deliveries in memory as they stand, for another store, and back."""

from dataclasses import replace

from agent_runtime.blackboard.matching.joins import window_start
from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, State
from agent_runtime.blackboard.stores.records import AT_ONCE, DeliverySnapshot


def frozen(waiting: PendingDelivery) -> DeliverySnapshot:
    """A delivery for another store. Memory keeps no errors of single attempts."""
    due, since = AT_ONCE, None
    if waiting.timer is not None and waiting.state is State.WAITS:
        due = waiting.timer
    elif waiting.timer is not None and waiting.state is State.GATHERED and waiting.plan.join is not None:
        due = since = window_start(waiting.plan.join, waiting.timer)
    plan = replace(waiting.plan, due=due)
    return DeliverySnapshot(plan, waiting.attempt, waiting.base, waiting.sets, since=since)


def thawed(kept: DeliverySnapshot, sequence: int) -> PendingDelivery:
    """The delivery at a new place, not offered yet."""
    return PendingDelivery(kept.plan, sequence, kept.attempt, kept.base, sets=kept.sets)
