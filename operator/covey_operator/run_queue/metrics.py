"""What runs came to, as metrics: their pods are gone before anybody could ask them."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from covey_operator.kube.resources import Object

_SLOW = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_OWN_GRAPH = ""
"""The flow of a run that brought its own graph, or asked an agent."""


class RunMetrics:
    """Counted once for each run, when its end is written into its status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        of_run, of_node = ["namespace", "flow"], ["namespace", "flow", "node"]
        self._runs = Counter(
            "covey_runs_ended", "Runs, by how they ended.", [*of_run, "phase"], registry=registry
        )
        self._seconds = Histogram(
            "covey_run_seconds", "From a run's start to its end.", of_run, buckets=_SLOW, registry=registry
        )
        self._tokens = Counter(
            "covey_run_tokens", "Tokens that runs sent and got.", [*of_run, "direction"], registry=registry
        )
        self._visits = Counter(
            "covey_run_node_visits", "Visits to a node, by the state of the last.", [*of_node, "state"],
            registry=registry,
        )  # fmt: skip
        self._node_seconds = Histogram(
            "covey_run_node_seconds",
            "Time of a node's last visit.",
            of_node,
            buckets=_SLOW,
            registry=registry,
        )
        self._retries = Counter(
            "covey_run_node_retries", "Attempts of a last visit that another followed.", of_node,
            registry=registry,
        )  # fmt: skip

    def ended(self, run: Object) -> None:
        """`run` is a FlowRun with the status that says how it ended."""
        status: Object = run["status"]
        flow = (run["spec"].get("flow") or {}).get("name") or _OWN_GRAPH
        labels = (run["metadata"]["namespace"], flow)
        self._runs.labels(*labels, status["phase"]).inc()
        took = _between(status)
        if took is not None:
            self._seconds.labels(*labels).observe(took)
        usage: Object = status.get("usage") or {}
        self._tokens.labels(*labels, "input").inc(usage.get("inputTokens") or 0)
        self._tokens.labels(*labels, "output").inc(usage.get("outputTokens") or 0)
        for node in status.get("nodes") or ():
            self._node((*labels, node["name"]), node)

    def _node(self, labels: tuple[str, ...], node: Object) -> None:
        self._visits.labels(*labels, node["state"]).inc(node.get("visits") or 0)
        self._retries.labels(*labels).inc(max(0, (node.get("attempts") or 1) - 1))
        took = _between(node)
        if took is not None:
            self._node_seconds.labels(*labels).observe(took)


def _between(times: Object) -> float | None:
    begin, end = times.get("startedAt"), times.get("finishedAt")
    if not begin or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
