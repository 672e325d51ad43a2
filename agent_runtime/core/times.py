"""Points in time as whole microseconds since 1970, for what keeps numbers."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def span_micros(span: timedelta) -> int:
    """A span of time as whole microseconds."""
    return span // _MICROSECOND


def moment(at: int) -> datetime:
    """The inverse of `micros`."""
    return _EPOCH + at * _MICROSECOND
