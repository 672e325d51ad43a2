"""Timers of deliveries in memory: what is due, in which order, and that no more is kept than is needed."""

from datetime import UTC, datetime, timedelta

from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery, Timers
from agent_runtime.blackboard.stores.records import DeliveryPlan

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def delivery(sequence: int) -> PendingDelivery:
    return PendingDelivery(DeliveryPlan(f"{sequence}@editor", "editor", (f"{sequence}",), 0, NOON), sequence)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_what_is_due_comes_by_time_then_age() -> None:
    timers = Timers()
    deliveries = [delivery(n) for n in range(5)]
    for one, seconds in zip(reversed(deliveries), (1, 3, 1, 2, 1), strict=True):
        timers.set(one, at(seconds), 5)
    assert [one.sequence for one in timers.due(at(2))] == [0, 2, 4, 1]
    assert timers.next() == at(3)


def test_the_last_word_counts() -> None:
    timers = Timers()
    moved, ended, kept = (delivery(n) for n in range(3))
    for one in (moved, ended, kept):
        timers.set(one, at(1), 3)
    timers.set(moved, at(9), 3)
    timers.set(kept, at(1), 3)
    ended.timer = None
    assert list(timers.due(at(5))) == [kept]
    assert timers.next() == at(9)


def test_timers_that_were_moved_do_not_pile_up() -> None:
    timers = Timers()
    one, most = delivery(1), 0
    for n in range(10_000):
        timers.set(one, at(3600 + n), alive=1)
        most = max(most, len(timers))
    assert most < 100
    assert timers.next() == at(3600 + 9999)
