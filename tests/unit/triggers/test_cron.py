"""Which time is due: one start for a time, the latest of those that were missed, within the deadline."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.triggers import schedule as schedules
from agent_runtime.triggers.cron import MOST_MISSED, Due, due
from agent_runtime.triggers.schedule import parse

DAILY = parse("0 6 * * *")
HOURLY = parse("0 * * * *")


def at(text: str) -> datetime:
    """`21 06:00:30` of November 2026."""
    day, time = text.split()
    return datetime.fromisoformat(f"2026-11-{day}T{time}+00:00")


@pytest.mark.parametrize(
    ("last", "now", "time", "missed", "following"),
    [
        # counted from the creation on the 20th at noon
        (None, "20 12:00", None, 0, "21 06:00"),
        (None, "21 05:59:59", None, 0, "21 06:00"),
        (None, "21 06:00", "21 06:00", 0, "22 06:00"),
        (None, "21 06:00:30", "21 06:00", 0, "22 06:00"),
        (None, "23 07:00", "23 06:00", 2, "24 06:00"),
        # counted from the last time
        ("21 06:00", "21 06:00:30", None, 0, "22 06:00"),
        ("21 06:00", "22 06:00", "22 06:00", 0, "23 06:00"),
        ("21 06:00", "24 05:00", "23 06:00", 1, "24 06:00"),
        # the clock was set back
        ("21 06:00", "18 06:00", None, 0, "22 06:00"),
        ("21 06:00", "21 05:00", None, 0, "22 06:00"),
    ],
)
def test_the_latest_time_that_has_come(
    last: str | None, now: str, time: str | None, missed: int, following: str
) -> None:
    before = at(last) if last else None
    answer = due(DAILY, before, at("20 12:00"), at(now))
    assert (answer.time, answer.missed) == (time and at(time), missed)
    assert answer.next == at(following)
    assert answer.last == (answer.time or before)


@pytest.mark.parametrize(
    ("now", "deadline", "time", "missed"),
    [
        ("21 06:05", 300, "21 06:00", 0),
        ("21 06:05:01", 300, None, 1),
        ("22 06:04", 300, "22 06:00", 1),
        ("22 06:06", 300, None, 2),
        ("21 06:00", 0, "21 06:00", 0),
        ("21 06:00:01", 0, None, 1),
    ],
)
def test_a_start_is_not_later_than_its_deadline(
    now: str, deadline: int, time: str | None, missed: int
) -> None:
    answer = due(DAILY, None, at("20 12:00"), at(now), timedelta(seconds=deadline))
    assert (answer.time, answer.missed) == (time and at(time), missed)
    assert answer.last is not None, "what was too late is not asked about again"
    assert due(DAILY, answer.last, at("20 12:00"), at(now)).time is None


@pytest.mark.parametrize(
    ("now", "deadline", "message"),
    [
        ("21 06:00", None, ""),
        ("22 06:00", None, "1 time missed before this one, only the latest is started"),
        ("23 06:00", None, "2 times missed before this one, only the latest is started"),
        ("21 07:00", 60, "1 time missed, and the latest is past the starting deadline: check the clock, and "
         "whether the operator was away"),
    ],
)  # fmt: skip
def test_what_was_missed_is_said(now: str, deadline: int | None, message: str) -> None:
    limit = None if deadline is None else timedelta(seconds=deadline)
    assert due(DAILY, None, at("20 12:00"), at(now), limit).message == message


@pytest.mark.parametrize("hours", [99, 100, 101, 102, 10_000])
def test_missed_times_are_counted_to_a_hundred(hours: int) -> None:
    start = at("01 00:00")
    answer = due(HOURLY, start, start, start + timedelta(hours=hours))
    assert answer.time == start + timedelta(hours=hours)
    assert answer.missed == min(hours - 1, MOST_MISSED)
    assert answer.message.startswith("at least 100 times missed") == (hours - 1 >= MOST_MISSED)


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [
        ("* * * * *", "Etc/UTC"),
        ("* * * * *", "Europe/Berlin"),
        ("30 2 * * *", "Europe/Berlin"),
        ("0 0 29 2 *", "Asia/Tokyo"),
    ],
)
@pytest.mark.parametrize("years", [3, 60, 5000])
def test_a_clock_that_jumps_by_years_costs_little(
    schedule: str, zone: str, years: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    original = schedules.Schedule.after

    def counted(self: schedules.Schedule, moment: datetime) -> datetime | None:
        nonlocal asked
        asked += 1
        return original(self, moment)

    monkeypatch.setattr(schedules.Schedule, "after", counted)
    parsed = parse(schedule, zone)
    now = datetime(2026 + years, 3, 29, 3, 0, 30, tzinfo=UTC)
    answer = due(parsed, None, at("20 12:00"), now)
    assert asked < MOST_MISSED + 50
    assert answer.last is not None
    assert answer.next is not None
    assert answer.last <= now < answer.next
    assert original(parsed, answer.last) == answer.next, "there is none between"
    back = due(parsed, answer.last, at("20 12:00"), at("21 12:00"))
    assert (back.time, back.missed, back.last) == (None, 0, answer.last)
    assert back.next == answer.next


def test_at_the_end_of_the_calendar_there_is_no_next_time() -> None:
    answer = due(HOURLY, None, at("20 12:00"), datetime(9999, 12, 31, 23, 30, tzinfo=UTC))
    assert answer == Due(
        datetime(9999, 12, 31, 23, tzinfo=UTC), MOST_MISSED, None, datetime(9999, 12, 31, 23, tzinfo=UTC)
    )


ZONED = st.builds(
    parse,
    st.sampled_from(
        ["*/10 * * * *", "30 2 * * *", "0,30 1-3 * * *", "*/20 2 * * *", "0 6 * * 1-5", "0 0 1 * *"]
    ),
    st.sampled_from(["Etc/UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe"]),
)
STEPS = st.lists(st.one_of(st.integers(1, 7200), st.integers(-200_000, 400_000)), max_size=30)
DEADLINES = st.none() | st.integers(0, 100_000).map(lambda seconds: timedelta(seconds=seconds))
STARTS = st.integers(1_774_500_000, 1_793_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
"""From before the clocks go forward in spring until they went back in autumn."""


@given(ZONED, STARTS, STEPS, DEADLINES)
def test_fed_its_own_answers_it_starts_no_time_twice_and_goes_only_forward(
    schedule: schedules.Schedule, start: datetime, steps: list[int], deadline: timedelta | None
) -> None:
    """Also when the clock is set back now and then."""
    now, last = start, None
    started: list[datetime] = []
    for step in steps:
        now += timedelta(seconds=step)
        answer = due(schedule, last, start, now, deadline)
        if answer.time is not None:
            assert answer.time <= now
            assert deadline is None or now - answer.time <= deadline
            started.append(answer.time)
        assert answer.next is not None
        assert answer.next > max(now, answer.last or start)
        assert answer.last is None or last is None or answer.last >= last
        assert due(schedule, answer.last, start, now, deadline).time is None, "asked again, nothing is left"
        last = answer.last
    assert started == sorted(set(started))


@given(ZONED, STARTS, st.lists(st.integers(1, 7200), max_size=40))
def test_every_time_is_started_or_counted_as_missed(
    schedule: schedules.Schedule, start: datetime, steps: list[int]
) -> None:
    now, last, answered = start, None, 0
    for step in steps:
        now += timedelta(seconds=step)
        answer = due(schedule, last, start, now)
        answered += answer.missed + (answer.time is not None)
        last = answer.last
    passed, time = 0, schedule.after(start)
    while time is not None and time <= now:
        passed, time = passed + 1, schedule.after(time)
    assert answered == passed
