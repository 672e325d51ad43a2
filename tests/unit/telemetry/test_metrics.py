"""Metrics have stable names, and no label that a stranger could fill."""

from prometheus_client import Counter, Gauge, Histogram

from agent_runtime.telemetry import metrics

EXPECTED = {
    "covey_agent_retries": ("agent",),
    "covey_agent_work": ("agent", "source", "outcome"),
    "covey_agent_work_in_progress": ("agent",),
    "covey_agent_work_refused": ("agent",),
    "covey_agent_work_seconds": ("agent", "source"),
    "covey_flow_node_retries": ("flow", "node"),
    "covey_flow_node_seconds": ("flow", "node"),
    "covey_flow_node_visits": ("flow", "node", "outcome"),
    "covey_flow_run_seconds": ("flow",),
    "covey_flow_runs": ("flow", "outcome"),
    "covey_flow_runs_in_progress": ("flow",),
    "covey_flow_suspensions": ("flow", "waits_for"),
    "covey_http_request_seconds": ("route",),
    "covey_http_requests": ("route", "method", "status"),
    "covey_model_request_seconds": ("model",),
    "covey_model_requests": ("model", "outcome"),
    "covey_model_tokens": ("model", "direction"),
    "covey_tool_call_seconds": ("tool",),
    "covey_tool_calls": ("tool", "outcome"),
}


def test_names_and_labels_are_a_promise_to_dashboards() -> None:
    found = {
        metric._name: metric._labelnames
        for metric in vars(metrics).values()
        if isinstance(metric, Counter | Gauge | Histogram)
    }
    assert EXPECTED.items() <= found.items()


def test_prometheus_can_read_them() -> None:
    metrics.TOOL_CALLS.labels("quote", "succeeded").inc()
    body, content_type = metrics.exposition()
    assert content_type.startswith("text/plain")
    assert b'covey_tool_calls_total{outcome="succeeded",tool="quote"}' in body
