"""Which time of a schedule is due. Pure: the clock is an argument.

As Kubernetes' CronJob does it: of the times that passed since the last one only the latest is started, and
only within the starting deadline; the others are counted. However far the clock jumps, the work is bounded:
the latest time is found by bisection, and counting ends at `MOST_MISSED`.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent_runtime.triggers.schedule import Schedule

MOST_MISSED = 100
"""Missed times are counted no further."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a schedule asks for now."""

    time: datetime | None
    """The time for which to start a run; None: none."""
    missed: int
    """Times that passed without a run; `MOST_MISSED` stands for that many or more."""
    next: datetime | None
    """The next time; None when the calendar ends before."""
    last: datetime | None
    """What to hand in as `last` from now on: the latest time that has passed, started or not."""

    @property
    def message(self) -> str:
        """What was missed, in a sentence for people; empty when nothing was."""
        if not self.missed:
            return ""
        many = self.missed >= MOST_MISSED
        times = f"{'at least ' if many else ''}{self.missed} time{'' if self.missed == 1 else 's'}"
        cure = "check the clock, and whether the operator was away"
        if self.time is None:
            return f"{times} missed, and the latest is past the starting deadline: {cure}"
        return f"{times} missed before this one, only the latest is started" + (f": {cure}" if many else "")


def due(
    schedule: Schedule,
    last: datetime | None,
    created: datetime,
    now: datetime,
    starting_deadline: timedelta | None = None,
) -> Due:
    """The latest time after `last` that has come, unless it is longer ago than `starting_deadline`.

    `last` is the `Due.last` of the answer before, None at first: then times count from `created` on. A time
    that has been answered never is again: while the clock is behind `last`, nothing is due. All times are
    aware; the answer is in UTC.
    """
    since = created if last is None else last
    first = schedule.after(since)
    if first is None or first > now:
        return Due(time=None, missed=0, next=first, last=last)
    latest = _latest(schedule, first, now)
    started = starting_deadline is None or now - latest <= starting_deadline
    passed = _count(schedule, first, latest, MOST_MISSED + 1)
    return Due(
        time=latest if started else None,
        missed=min(passed - started, MOST_MISSED),
        next=schedule.after(now),
        last=latest,
    )


def _latest(schedule: Schedule, first: datetime, now: datetime) -> datetime:
    """The latest time up to `now`; `first` is one. However long the span, some thirty steps."""

    def is_over(second: int) -> bool:
        time = schedule.after(_at(second))
        return time is None or time > now

    begin = int(first.timestamp())
    # The first second behind which no time is left is the latest time itself.
    over = bisect_left(range(begin, int(now.timestamp()) + 1), True, key=is_over)
    return _at(begin + over)


def _at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _count(schedule: Schedule, first: datetime, latest: datetime, most: int) -> int:
    """Times from `first` to `latest`, both counted, up to `most`."""
    count, time = 1, first
    while time < latest and count < most:
        following = schedule.after(time)
        if following is None:
            break
        count, time = count + 1, following
    return count
