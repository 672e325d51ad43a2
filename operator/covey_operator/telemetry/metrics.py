"""What the operator counts, under names that dashboards and alerts rely on."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from covey_operator.run_queue.metrics import RunMetrics


class Metrics:
    """One set of metrics in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.runs = RunMetrics(self.registry)
        self._reconciles = Counter(
            "covey_operator_reconciles", "Passes over a resource.", ["kind", "result"], registry=self.registry
        )
        self._duration = Histogram(
            "covey_operator_reconcile_seconds",
            "Seconds that a pass took.",
            ["kind"],
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
            registry=self.registry,
        )
        self.depth = Gauge("covey_operator_queue_depth", "Keys that wait for a pass.", registry=self.registry)
        self._requests = Counter(
            "covey_operator_requests",
            "Requests to the API server, by verb, resource and status.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        """A pass over a resource of `kind` ended: `ok` or `error`."""
        self._reconciles.labels(kind, result).inc()
        self._duration.labels(kind).observe(seconds)

    def requested(self, verb: str, resource: str, code: int) -> None:
        """The API server answered; code 0 stands for no answer."""
        self._requests.labels(verb, resource, str(code)).inc()
