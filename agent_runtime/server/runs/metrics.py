"""What the runs server counts, beside every server's requests and their times."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from agent_runtime.auth.run_tokens import Caller


class RunsMetrics:
    """Labels are names from manifests and words from small fixed sets."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.boundaries = Counter(
            "covey_runs_boundaries_committed_total",
            "Boundaries of runs committed through this server.",
            registry=self.registry,
        )
        self.records = Counter(
            "covey_runs_records_kept_total",
            "Records of visits under way kept through this server.",
            registry=self.registry,
        )
        self._denials = Counter(
            "covey_runs_denials_total",
            "Requests that were refused because the caller may not do that.",
            ("role",),
            registry=self.registry,
        )
        self._tickets = Counter(
            "covey_runs_tickets_total",
            "Tickets of runs: taken, finished, given_back.",
            ("queue", "outcome"),
            registry=self.registry,
        )
        self._queued = Gauge(
            "covey_runs_queued",
            "Runs in the queue, by where they stand.",
            ("queue", "state"),
            registry=self.registry,
        )

        self._waiting = Gauge(
            "covey_runs_waiting_calls",
            "Calls that wait for a ticket or a change.",
            registry=self.registry,
        )

    def denied(self, caller: Caller) -> None:
        """A caller asked for what it may not do."""
        self._denials.labels(caller.role).inc()

    def ticket(self, queue: str, outcome: str) -> None:
        """A ticket was taken, finished or given_back."""
        self._tickets.labels(queue, outcome).inc()

    def waits(self, calls: int) -> None:
        """So many calls wait."""
        self._waiting.set(calls)

    def show(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Runs in the queue, by (queue, state)."""
        self._queued.clear()
        for (queue, state), count in counts.items():
            self._queued.labels(queue, state).set(count)
