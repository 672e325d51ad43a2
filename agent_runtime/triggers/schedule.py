"""A schedule as in crontab(5) on the clock of a time zone, and the times at which it fires.

Where a zone's clock is changed, it does what cron does on Debian. A schedule of fixed times (`30 2 * * *`)
fires once a day: at the end of the gap when its time falls into it, and only the first time when its time
comes twice. One with `*` for minutes or hours (`*/15 * * * *`) goes by the time that really passes: it has
no times within the gap, and those of the hour that comes twice twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_EXAMPLE = "for example '0 6 * * 1-5', at six on working days"
_NAMES = ("minute", "hour", "day of month", "month", "day of week")
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
"""Whether a schedule ever fires must not depend on the day on which that is asked."""


class InvalidSchedule(ValueError):
    """A schedule or time zone that cannot be used; the message says why, and shows one that can."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Made by `parse`."""

    text: str
    """As it was written."""
    zone: ZoneInfo
    fields: str
    """The five fields."""

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than `moment`, in UTC; None when the calendar ends before."""
        try:
            for time in CronSim(self.fields, moment.astimezone(self.zone)):
                # Compared in UTC: within one zone Python compares what the clock shows, and that comes twice.
                at = time.astimezone(UTC)
                if at > moment:
                    return at
        except OverflowError:  # the year 10000
            pass
        return None


@lru_cache(maxsize=1024)
def parse(schedule: str, time_zone: str = "Etc/UTC") -> Schedule:
    """Five fields of crontab(5), or one of its words such as `@daily`. Raises InvalidSchedule."""
    fields = " ".join(_SHORT.get(schedule.strip().lower(), schedule).split())
    _check_fields(schedule, fields)
    parsed = Schedule(schedule, _zone(time_zone), fields)
    if parsed.after(_SOME_DAY) is None:
        raise InvalidSchedule(f"schedule {schedule!r} never fires: no day is like that, want {_EXAMPLE}")
    return parsed


def _check_fields(schedule: str, fields: str) -> None:
    parts = fields.split()
    if fields.upper().startswith(("TZ=", "CRON_TZ=")):
        raise InvalidSchedule(f"schedule {schedule!r} names a time zone: say it in timeZone instead")
    if fields.startswith("@"):
        raise InvalidSchedule(f"schedule {schedule!r} is not known, want {', '.join(_SHORT)}, or {_EXAMPLE}")
    if len(parts) != len(_NAMES):
        raise InvalidSchedule(
            f"schedule {schedule!r} has {len(parts)} fields, want five: {', '.join(_NAMES)}; {_EXAMPLE}"
        )
    for place, (name, part) in enumerate(zip(_NAMES, parts, strict=True)):
        alone = ["*"] * len(_NAMES)
        alone[place] = part
        if not _is_sound(" ".join(alone)):
            raise InvalidSchedule(f"schedule {schedule!r}: {part!r} is no {name}, want {_EXAMPLE}")
    if not _is_sound(fields):  # each is sound by itself: the 31st of months that have none
        raise InvalidSchedule(
            f"schedule {schedule!r} never fires: no month {parts[3]} has a day {parts[2]}, want {_EXAMPLE}"
        )


def _is_sound(fields: str) -> bool:
    try:
        CronSim(fields, _SOME_DAY)
    except (CronSimError, ValueError):  # the latter for numbers longer than Python reads
        return False
    return True


def _zone(name: str) -> ZoneInfo:
    """Only zones of the IANA's list, so that a manifest means the same on every machine."""
    known = _zone_names()
    if name in known:
        return ZoneInfo(name)
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]!r}?" if near else "want an IANA name such as 'Europe/Berlin' or 'Etc/UTC'"
    raise InvalidSchedule(f"time zone {name!r} is not known, {meant}")


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())
