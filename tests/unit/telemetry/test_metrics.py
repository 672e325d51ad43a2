"""Metrics have stable names, and no label that a stranger could fill."""

import subprocess
import sys

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


def test_a_process_shows_no_metric_that_it_does_not_have() -> None:
    """In a process of its own: others of these tests have counted."""
    script = (
        "from agent_runtime.telemetry import metrics\n"
        "metrics.FLOW_RUNS.labels('report', 'done').inc()\n"
        "print(metrics.exposition()[0].decode())"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    shown = ran.stdout.splitlines()
    described = {line.split()[2] for line in shown if line.startswith("# HELP ")}
    typed = {line.split()[2] for line in shown if line.startswith("# TYPE ")}
    assert described == typed
    assert "covey_flow_runs_total" in described
    assert not {name for name in described if name.startswith("covey_agent")}
    counted = {line.partition("{")[0].partition(" ")[0] for line in shown if line and line[0] != "#"}
    for name in described:
        assert any(each.startswith(name.removesuffix("_total")) for each in counted), name
