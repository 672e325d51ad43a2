"""Those who wait in line are woken one by one, and no wake is lost."""

from contextlib import ExitStack

from agent_runtime.runs.queue.wait_queues import WaitQueues


def test_one_wake_wakes_the_first_who_sleeps() -> None:
    lines = WaitQueues()
    with lines.on("a") as first, lines.on("a") as second, lines.on("b") as other:
        lines.wake("a")
        assert (first.is_set(), second.is_set(), other.is_set()) == (True, False, False)
        lines.wake("a")
        assert second.is_set()


def test_who_leaves_without_having_looked_passes_the_wake_on() -> None:
    lines = WaitQueues()
    with ExitStack() as leaving, lines.on("a") as second:
        leaving.enter_context(lines.on("b"))
        with lines.on("a") as third:
            lines.wake("a")
            lines.wake("a")
            assert (second.is_set(), third.is_set()) == (True, True)
            second.clear()
        assert second.is_set()


def test_all_go_when_it_closes_and_nobody_waits_afterwards() -> None:
    lines = WaitQueues()
    with lines.on("a") as first:
        lines.close()
        assert first.is_set()
        with lines.on("a") as later:
            assert later.is_set()
