"""What a blackboard's server counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from agent_runtime.blackboard.events import BoardEvent
from agent_runtime.blackboard.stores.port import Stats


class BlackboardMetrics:
    """Counters fed by the board's events, gauges fed by its store."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._published = Counter(
            "covey_blackboard_artifacts_published_total",
            "Artifacts published through this server.",
            ("type",),
            registry=self.registry,
        )
        self._events = Counter(
            "covey_blackboard_deliveries_total",
            "What happened to deliveries: delivered, leased, acknowledged, failed, expired, dead.",
            ("agent", "outcome"),
            registry=self.registry,
        )
        self._denials = Counter(
            "covey_blackboard_denials_total",
            "Artifacts that an agent subscribes to and may not see.",
            ("agent",),
            registry=self.registry,
        )
        self._predicate_failures = Counter(
            "covey_blackboard_predicate_failures_total",
            "Predicates that failed instead of saying yes or no.",
            ("agent",),
            registry=self.registry,
        )
        self._loops = Counter(
            "covey_blackboard_loops_stopped_total",
            "Artifacts that set nobody to work because the chain behind them is too long.",
            registry=self.registry,
        )
        self._pending = Gauge(
            "covey_blackboard_pending_deliveries",
            "Deliveries waiting or held.",
            ("agent",),
            registry=self.registry,
        )
        self._artifacts = Gauge(
            "covey_blackboard_artifacts", "Artifacts in the store.", registry=self.registry
        )
        self._dead = Gauge(
            "covey_blackboard_dead_letters", "Dead letters in the store.", registry=self.registry
        )

    def observe(self, event: BoardEvent) -> None:
        """The board's observer."""
        match event.kind:
            case "published" if event.artifact is not None:
                self._published.labels(event.artifact.type).inc()
            case "denied":
                self._denials.labels(event.agent).inc()
            case "predicate_failed":
                self._predicate_failures.labels(event.agent).inc()
            case "loop_stopped":
                self._loops.inc()
            case "delivered" | "leased" | "acknowledged" | "failed" | "expired" | "dead":
                self._events.labels(event.agent, event.kind).inc()

    def show(self, stats: Stats) -> None:
        """Set the gauges."""
        self._artifacts.set(stats.artifacts)
        self._dead.set(stats.dead_letters)
        self._pending.clear()
        for agent, pending in stats.pending.items():
            self._pending.labels(agent).set(pending)
