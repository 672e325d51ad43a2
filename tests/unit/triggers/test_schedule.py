"""Schedules: what is understood, what is refused and how, and what the clocks of time zones do to them."""

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.triggers.schedule import InvalidSchedule, parse


def times(schedule: str, zone: str, start: str, count: int) -> list[str]:
    """The next times as the zone's clock shows them, with the offset."""
    parsed = parse(schedule, zone)
    found = []
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for _ in range(count):
        following = parsed.after(moment)
        assert following is not None
        found.append(following.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z"))
        moment = following
    return found


@pytest.mark.parametrize(
    ("schedule", "zone", "start", "expected"),
    [
        ("0 6 * * 1-5", "Etc/UTC", "2026-11-20T06:00", ["11-23 06:00 +0000", "11-24 06:00 +0000"]),
        ("*/20 * * * *", "Etc/UTC", "2026-11-20T06:39:59", ["11-20 06:40 +0000", "11-20 07:00 +0000"]),
        ("30 9 1 * *", "Asia/Kolkata", "2026-11-20T00:00", ["12-01 09:30 +0530", "01-01 09:30 +0530"]),
        ("@daily", "Europe/Berlin", "2026-11-20T06:00", ["11-21 00:00 +0100", "11-22 00:00 +0100"]),
        ("@Weekly", "Etc/UTC", "2026-11-20T06:00", ["11-22 00:00 +0000", "11-29 00:00 +0000"]),
        ("0 0 l * *", "Etc/UTC", "2027-02-01T00:00", ["02-28 00:00 +0000", "03-31 00:00 +0000"]),
        ("0 0 29 2 *", "Etc/UTC", "2026-11-20T00:00", ["02-29 00:00 +0000"]),
        ("0 12 13 * fri", "Etc/UTC", "2026-11-08T00:00", ["11-13 12:00 +0000", "11-20 12:00 +0000"]),
    ],
)
def test_the_times_of_a_schedule(schedule: str, zone: str, start: str, expected: list[str]) -> None:
    assert times(schedule, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # fixed times that fall into the gap fire at its end, and once
        ("30 2 * * *", ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"]),
        ("0,30 2 * * *", ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:00 +0200"]),
        (
            "30 2,3 * * *",
            ["03-28 02:30 +0100", "03-28 03:30 +0100", "03-29 03:00 +0200", "03-29 03:30 +0200"],
        ),
        # what goes by passing time has none in the gap
        ("30 * * * *", ["03-28 02:30 +0100", "03-28 03:30 +0100"]),
        ("*/30 2 * * *", ["03-28 02:30 +0100", "03-30 02:00 +0200"]),
    ],
)
def test_the_hour_that_is_left_out(schedule: str, expected: list[str]) -> None:
    """In Berlin on 29 March 2026 the clock goes from 02:00 to 03:00."""
    assert times(schedule, "Europe/Berlin", "2026-03-28T02:00", len(expected)) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # fixed times fire the first time only
        ("30 2 * * *", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("0,45 2 * * *", ["10-25 02:00 +0200", "10-25 02:45 +0200", "10-26 02:00 +0100"]),
        # what goes by passing time fires in both
        ("30 * * * *", ["10-25 01:30 +0200", "10-25 02:30 +0200", "10-25 02:30 +0100", "10-25 03:30 +0100"]),
        (
            "*/30 2 * * *",
            ["10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100"],
        ),
    ],
)
def test_the_hour_that_comes_twice(schedule: str, expected: list[str]) -> None:
    """In Berlin on 25 October 2026 the clock goes from 03:00 back to 02:00."""
    assert times(schedule, "Europe/Berlin", "2026-10-25T01:15", len(expected)) == expected


def test_asked_within_the_second_hour_it_does_not_answer_with_the_first() -> None:
    second = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    following = parse("45 2 * * *", "Europe/Berlin").after(second)
    assert following == datetime(2026, 10, 26, 1, 45, tzinfo=UTC)


ZONES = ["Etc/UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Asia/Beirut", "Africa/Casablanca",
         "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]  # fmt: skip
SCHEDULES = ["* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "0,30 0-3 * * *", "*/5 0 * * *",
             "0 0 * * *", "15 */6 * * 1-5", "0 0 29 2 *", "*/30 0 25-31 3 *", "59 23 31 12 *"]  # fmt: skip
MOMENTS = st.integers(0, 4_102_444_800).map(lambda second: datetime.fromtimestamp(second, UTC))
AROUND_CHANGES = st.builds(
    lambda day, seconds: datetime.fromtimestamp(day + seconds, UTC),
    st.sampled_from([1774656000, 1792800000, 1774738800, 1793491200, 1772928000]),
    st.integers(-100_000, 200_000),
)


@given(st.sampled_from(SCHEDULES), st.sampled_from(ZONES), MOMENTS | AROUND_CHANGES, st.integers(0, 500_000))
def test_the_next_time_is_later_and_never_goes_back(
    schedule: str, zone: str, moment: datetime, step: int
) -> None:
    """On this the search for the latest time that has passed is built."""
    parsed = parse(schedule, zone)
    following = parsed.after(moment)
    assert following is not None
    assert following > moment
    later = datetime.fromtimestamp(moment.timestamp() + step, UTC)
    after_later = parsed.after(later)
    assert after_later is not None
    assert after_later >= following
    if later < following:
        assert after_later == following


@pytest.mark.parametrize(
    ("schedule", "zone", "message"),
    [
        ("", "Etc/UTC", "schedule '' has 0 fields, want five: minute, hour, day of month, month, "
         "day of week; for example '0 6 * * 1-5', at six on working days"),
        ("* * * * * *", "Etc/UTC", "has 6 fields, want five"),
        ("61 * * * *", "Etc/UTC", "schedule '61 * * * *': '61' is no minute, want for example '0 6 * * 1-5'"),
        ("0 24 * * *", "Etc/UTC", "'24' is no hour"),
        ("0 0 0 * *", "Etc/UTC", "'0' is no day of month"),
        ("0 0 * 5-2 *", "Etc/UTC", "'5-2' is no month"),
        ("0 0 * * mon-", "Etc/UTC", "'mon-' is no day of week"),
        ("*/0 * * * *", "Etc/UTC", "'*/0' is no minute"),
        ("0 \uff10 * * *", "Etc/UTC", "'\uff10' is no hour"),
        (f"{'9' * 5000} * * * *", "Etc/UTC", "is no minute"),
        ("@reboot", "Etc/UTC", "schedule '@reboot' is not known, want @hourly, @daily, @midnight, "),
        ("TZ=Europe/Berlin 0 6 * * *", "Etc/UTC", "names a time zone: say it in timeZone instead"),
        ("0 0 31 2,4 *", "Etc/UTC", "never fires: no month 2,4 has a day 31"),
        ("0 0 30 2 *", "Etc/UTC", "schedule '0 0 30 2 *' never fires"),
        ("0 6 * * *", "Europe/Berlni", "'Europe/Berlni' is not known, did you mean 'Europe/Berlin'?"),
        ("0 6 * * *", "CET+1", "time zone 'CET+1' is not known"),
        ("0 6 * * *", "localtime", "want an IANA name such as 'Europe/Berlin' or 'Etc/UTC'"),
        ("0 6 * * *", "../../etc/passwd", "is not known"),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(schedule: str, zone: str, message: str) -> None:
    with pytest.raises(InvalidSchedule) as refusal:
        parse(schedule, zone)
    assert message in str(refusal.value)


def test_a_rare_day_is_found_and_the_end_of_the_calendar_is_none() -> None:
    rare = parse("0 0 * 2 MON#5")
    assert rare.after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2044, 2, 29, tzinfo=UTC)
    assert rare.after(datetime(9990, 1, 1, tzinfo=UTC)) is None


@given(st.text(max_size=40), st.text(max_size=20))
def test_nothing_but_a_refusal_comes_of_nonsense(schedule: str, zone: str) -> None:
    for each, culprit in (((schedule, "Etc/UTC"), schedule), (("0 6 * * *", zone), zone)):
        with suppress(InvalidSchedule):
            parse(*each)
            continue
        with pytest.raises(InvalidSchedule) as refusal:
            parse(*each)
        assert repr(culprit) in str(refusal.value)


FIELD = st.text("0123456789*/-,LW#?AMONFRI", min_size=1, max_size=8)


@given(st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD).map(" ".join))
def test_what_is_not_refused_fires(schedule: str) -> None:
    try:
        parsed = parse(schedule)
    except InvalidSchedule:
        return
    assert parsed.after(datetime(2026, 11, 21, tzinfo=UTC)) is not None
