"""A flood of callers with nothing to show is told in full, and does not flood the log."""

from collections.abc import Callable
from datetime import UTC, datetime

from agent_runtime.blackboard.service.denials import ThrottledDenials
from agent_runtime.blackboard.service.events import BoardEvent, EventEmitter

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Seconds:
    """Pass when they are told to."""

    def __init__(self) -> None:
        self.planned: list[Callable[[], None]] = []

    def __call__(self, seconds: float, call: Callable[[], None]) -> None:
        assert seconds == 1.0
        self.planned.append(call)

    def one(self) -> None:
        """One second is over."""
        planned, self.planned = self.planned, []
        for call in planned:
            call()


def told(events: list[BoardEvent]) -> list[tuple[str, int]]:
    assert {event.kind for event in events} <= {"denied"}
    said = [(event.message, event.count) for event in events]
    events.clear()
    return said


def test_each_is_counted_and_one_a_second_told_by_name() -> None:
    events: list[BoardEvent] = []
    second = Seconds()
    turned_away = ThrottledDenials(EventEmitter(events.append, lambda: NOW), second)
    for n in range(1000):
        turned_away(f"no {n}")
    assert told(events) == [("no 0", 1)]
    second.one()
    assert told(events) == [("999 more callers, the last: no 999", 999)]
    turned_away("again")
    assert told(events) == [], "the second after that is not over"
    second.one()
    assert told(events) == [("1 more callers, the last: again", 1)]
    second.one()
    assert (told(events), second.planned) == ([], [])
    turned_away("later")
    assert told(events) == [("later", 1)]


def test_what_is_left_is_told_at_the_end() -> None:
    events: list[BoardEvent] = []
    turned_away = ThrottledDenials(EventEmitter(events.append, lambda: NOW), Seconds())
    for _ in range(3):
        turned_away("no")
    turned_away.flush()
    assert told(events) == [("no", 1), ("2 more callers, the last: no", 2)]
