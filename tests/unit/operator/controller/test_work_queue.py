"""The work queue, step by step on a clock of our own."""

import pytest

from covey_operator.controller.work_queue import LONGEST_RETRY, WorkQueue, backoff


def queue(spread: float = 1.0) -> WorkQueue[str]:
    return WorkQueue(random=lambda: spread)


def take_all(work: WorkQueue[str], now: float) -> list[str]:
    return list(iter(lambda: work.take(now), None))


def test_a_key_is_in_it_once_and_the_order_is_that_of_the_first_add() -> None:
    work = queue()
    for key in ("a", "b", "a", "c", "b"):
        work.add(key, now=0)
    assert work.depth() == 3
    assert take_all(work, now=0) == ["a", "b", "c"]


def test_a_key_under_work_is_given_to_nobody_else_and_comes_up_again_afterwards() -> None:
    work = queue()
    work.add("a", now=0)
    assert work.take(now=0) == "a"
    work.add("a", now=1)
    work.add("a", now=2)
    assert work.take(now=3) is None
    work.done("a")
    assert take_all(work, now=3) == ["a"]
    work.done("a")
    assert work.take(now=3) is None


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.2), (1, 0.4), (2, 0.8), (10, 204.8), (11, 300), (1000, 300)]
)
def test_the_back_off_doubles_up_to_five_minutes(failures: int, seconds: float) -> None:
    assert backoff(failures, spread=1.0) == pytest.approx(seconds)
    assert backoff(failures, spread=0.0) == pytest.approx(seconds / 2)


def test_failures_come_back_later_and_later_until_one_pass_is_good() -> None:
    work = queue()
    work.add("a", now=0)
    now, delays = 0.0, []
    for _ in range(4):
        assert work.take(now) == "a"
        delays.append(work.failed("a", now))
        assert work.take(now + delays[-1] - 0.01) is None
        now += delays[-1]
    assert delays == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert work.take(now) == "a"
    work.done("a")
    work.add("a", now)
    work.take(now)
    assert work.failed("a", now) == pytest.approx(0.2)


def test_an_event_brings_a_failed_key_up_at_once_and_only_once() -> None:
    work = queue()
    work.add("a", now=0)
    work.take(now=0)
    work.failed("a", now=0)
    work.add("a", now=0.1)
    assert work.take(now=0.1) == "a"
    work.done("a")
    assert work.next_due() is None
    assert work.take(now=LONGEST_RETRY) is None


def test_a_delayed_key_comes_when_due_and_the_earlier_of_two_delays_counts() -> None:
    work = queue()
    work.add_after("a", delay=10, now=0)
    work.add_after("a", delay=5, now=0)
    work.add_after("a", delay=20, now=0)
    assert work.next_due() == 5
    assert work.take(now=4.9) is None
    assert work.take(now=5) == "a"
    work.done("a")
    assert work.next_due() is None


def test_what_is_forgotten_does_not_come_back_by_itself() -> None:
    work = queue()
    work.add_after("a", delay=1, now=0)
    work.forget("a")
    assert work.next_due() is None
    assert work.take(now=2) is None


def test_the_oldest_wait_counts_from_the_first_add() -> None:
    work = queue()
    assert work.oldest(now=5) == 0
    work.add("a", now=1)
    work.add("a", now=4)
    assert work.oldest(now=5) == 4
    work.take(now=5)
    assert work.oldest(now=6) == 0
    work.add("a", now=7)
    assert work.oldest(now=9) == 2
