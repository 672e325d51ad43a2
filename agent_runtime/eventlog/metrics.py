"""What a server counts of its event log."""

from prometheus_client import CollectorRegistry, Counter, Gauge

_PREFIX = "covey_blackboard_event_log_"


class LogMetrics:
    """Of the log of one board."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.up = Gauge(f"{_PREFIX}up", "1 when the event log takes what it is given.", registry=registry)
        self.waiting = Gauge(
            f"{_PREFIX}waiting", "Events that are not written to the log yet.", registry=registry
        )
        self._lost = Counter(
            f"{_PREFIX}lost_total",
            "Events that the log never got: it was away for too long.",
            registry=registry,
        )

    def lost(self, count: int) -> None:
        """Events went for good."""
        self._lost.inc(count)
