"""Every Prometheus metric of the runtime, by its name. Durations are seconds.

Labels are names from manifests, and words from small fixed sets; never ids, texts or addresses.
"""

from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

HTTP_REQUESTS = Counter("covey_http_requests_total", "Requests answered.", ["route", "method", "status"])
HTTP_SECONDS = Histogram("covey_http_request_seconds", "Time to answer a request.", ["route"], buckets=_SLOW)

WORK = Counter(
    "covey_agent_work_total", "Pieces of work: chats and deliveries.", ["agent", "source", "outcome"]
)
WORK_SECONDS = Histogram(
    "covey_agent_work_seconds", "Time for a piece of work.", ["agent", "source"], buckets=_SLOW
)
WORK_IN_PROGRESS = Gauge("covey_agent_work_in_progress", "Pieces of work under way.", ["agent"])
WORK_REFUSED = Counter(
    "covey_agent_work_refused_total", "Work refused because all slots are taken.", ["agent"]
)
RETRIES = Counter("covey_agent_retries_total", "Work tried again after a failure that may pass.", ["agent"])

MODEL_REQUESTS = Counter("covey_model_requests_total", "Requests to a model.", ["model", "outcome"])
MODEL_SECONDS = Histogram("covey_model_request_seconds", "Time a model took.", ["model"], buckets=_SLOW)
MODEL_TOKENS = Counter("covey_model_tokens_total", "Tokens sent and received.", ["model", "direction"])

TOOL_CALLS = Counter("covey_tool_calls_total", "Calls of a tool.", ["tool", "outcome"])
TOOL_SECONDS = Histogram("covey_tool_call_seconds", "Time a tool took.", ["tool"], buckets=_FAST)

FLOW_RUNS = Counter("covey_flow_runs_total", "Runs of a flow.", ["flow", "outcome"])
FLOW_NODES = Counter("covey_flow_node_visits_total", "Visits to a node.", ["flow", "node", "outcome"])
FLOW_NODE_SECONDS = Histogram(
    "covey_flow_node_seconds", "Time a visit to a node took.", ["flow", "node"], buckets=_SLOW
)
FLOW_NODE_RETRIES = Counter(
    "covey_flow_node_retries_total",
    "Attempts of a node that failed and were followed by another.",
    ["flow", "node"],
)
FLOW_RUNS_IN_PROGRESS = Gauge("covey_flow_runs_in_progress", "Runs under way in this process.", ["flow"])
FLOW_RUN_SECONDS = Histogram(
    "covey_flow_run_seconds", "Time a run worked, in all its processes.", ["flow"], buckets=_SLOW
)
FLOW_SUSPENSIONS = Counter(
    "covey_flow_suspensions_total", "Runs that stopped to wait, by what for.", ["flow", "waits_for"]
)


class _WithSamples(Collector):
    """The metrics that this process has: of one that never counts it would show an empty HELP line."""

    def __init__(self, registry: Collector) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """The metrics of which there is a sample."""
        return (metric for metric in self._registry.collect() if metric.samples)


def exposition(*registries: Collector) -> tuple[bytes, str]:
    """This process's metrics as Prometheus reads them, of further registries too, and the content type."""
    parts = [CollectorRegistry(auto_describe=False) for _ in (REGISTRY, *registries)]
    for part, registry in zip(parts, (REGISTRY, *registries), strict=True):
        part.register(_WithSamples(registry))
    return b"".join(map(generate_latest, parts)), CONTENT_TYPE_LATEST
