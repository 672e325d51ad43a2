"""`Retry-After`, as others send it: seconds, or a time. It is their wish, and no reason to wait a year."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Seconds. Whoever waits has bounds of its own, which are shorter."""
_MOST_DIGITS = 9


def seconds_of(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from 0 to `LONGEST`; None when the header says nothing that can be read.

    `now` is for times: the present when it is not given.
    """
    text = (header or "").strip()
    whole, _, part = text.partition(".")
    if whole.isascii() and whole.isdecimal() and ((part.isascii() and part.isdecimal()) or not part):
        return LONGEST if len(whole.lstrip("0")) > _MOST_DIGITS else bounded(float(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return bounded((at - (now or datetime.now(UTC))).total_seconds())


def bounded(seconds: float | None) -> float | None:
    """From 0 to `LONGEST`; None for what is no number."""
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(0.0, seconds), LONGEST)
