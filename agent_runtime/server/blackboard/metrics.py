"""What a blackboard's server counts, beside every server's requests and their times.

Labels are names from manifests, and words from small fixed sets; users' names are none of these. Where
tenants are kept apart, which agent does what is for admins: others get sums, under the label agent="".
"""

from collections.abc import Iterator
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.stores.records import Stats

_DELAYS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)


class BlackboardMetrics:
    """Counters fed by the board's events, gauges fed by its store."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._published = self._counter("artifacts_published", "Artifacts published by this server.", "type")
        self._pruned = self._counter("artifacts_pruned", "Artifacts deleted because of spec.retention.")
        self._unreadable = self._counter(
            "artifacts_unreadable",
            "Artifacts that could not be read as the newest version of their type.",
            "type",
        )
        self._deliveries = self._counter(
            "deliveries",
            "What happened to deliveries: delivered, gathered, leased, acknowledged, failed, released, "
            "expired, incomplete, dead, replayed, dropped, forgotten.",
            "agent",
            "outcome",
        )
        # looking a counter up by its labels costs more than counting
        self._published_of = cache(self._published.labels)
        self._deliveries_of = cache(self._deliveries.labels)
        self._denials = self._counter(
            "denials",
            "Artifacts that somebody asked for and may not see, and calls that were denied; "
            "of role unknown: calls with a token that is not good, or with none.",
            "agent",
            "role",
        )
        self._tenancy = self._counter("tenancy_breaches", "What spec.isolation Strict would have refused.")
        self._predicate_failures = self._counter(
            "predicate_failures", "Predicates that failed instead of saying yes or no.", "agent"
        )
        self._loops = self._counter(
            "loops_stopped",
            "Artifacts that set nobody to work because the chain behind them is too long.",
        )
        self._unconsumed = self._counter(
            "artifacts_unconsumed", "Artifacts that no subscriber consumed when they were published.", "type"
        )
        self._rate_limited = self._counter(
            "rate_limited", "Calls refused because of spec.limits.publishPerSecond."
        )
        self._delay = Histogram(
            "covey_blackboard_delivery_delay_seconds",
            "From the publication of an artifact to the first time that a delivery of it is leased.",
            buckets=_DELAYS,
            registry=self.registry,
        )
        self._pending = self._gauge("pending_deliveries", "Deliveries waiting or held.", "agent")
        self._artifacts = self._gauge("artifacts", "Artifacts in the store.")
        self._dead = self._gauge("dead_letters", "Dead letters in the store.")
        self._subscribers = self._gauge("subscribers", "Agents and flows that are subscribed.")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"covey_blackboard_{name}_total", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"covey_blackboard_{name}", what, labels, registry=self.registry)

    def observe(self, event: BoardEvent) -> None:
        """The board's observer."""
        match event.kind:
            case "published" if event.artifact is not None:
                self._published_of(event.artifact.type).inc()
            case "unreadable" if event.artifact is not None:
                self._unreadable.labels(event.artifact.type).inc()
            case "denied":
                role = event.identity.role if event.identity else "unknown"
                self._denials.labels(event.agent if role == "agent" else "", role).inc(event.count)
            case "tenancy":
                self._tenancy.inc(event.count)
            case "predicate_failed":
                self._predicate_failures.labels(event.agent).inc()
            case "loop_stopped":
                self._loops.inc()
            case "unconsumed" if event.artifact is not None:
                self._unconsumed.labels(event.artifact.type).inc()
            case "pruned":
                self._pruned.inc(event.count)
            case (
                "delivered" | "gathered" | "leased" | "acknowledged" | "failed" | "released" | "expired"
                | "incomplete" | "dead" | "replayed" | "dropped" | "forgotten"
            ):  # fmt: skip
                self._deliveries_of(event.agent, event.kind).inc(event.count)
                if event.kind == "leased":
                    self._note_delay(event)

    def _note_delay(self, event: BoardEvent) -> None:
        if event.artifact is not None and event.delivery.endswith("~1"):
            self._delay.observe((event.at - event.artifact.created_at).total_seconds())

    def rate_limited(self) -> None:
        """A call was refused because it came too fast."""
        self._rate_limited.inc()

    def show(self, stats: Stats) -> None:
        """Set the gauges."""
        self._artifacts.set(stats.artifacts)
        self._dead.set(stats.dead_letters)
        self._subscribers.set(stats.subscribers)
        self._pending.clear()
        for agent, pending in stats.pending.items():
            self._pending.labels(agent).set(pending)


class WithoutAgents(Collector):
    """A registry's metrics with what differs by agent added up, for those who may not see it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Each metric once."""
        for metric in self._registry.collect():
            sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
            for sample in metric.samples:
                labels = {**sample.labels, "agent": ""} if "agent" in sample.labels else sample.labels
                key = (sample.name, tuple(labels.items()))
                # when a counter was made is no number to add
                first = sample.name.endswith("_created") and key in sums
                sums[key] = min(sums[key], sample.value) if first else sums.get(key, 0.0) + sample.value
            summed = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            for (name, labelled), value in sums.items():
                summed.add_sample(name, dict(labelled), value)
            yield summed
