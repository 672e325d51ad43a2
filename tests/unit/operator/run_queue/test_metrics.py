"""What is counted when a run has ended."""

from prometheus_client import CollectorRegistry

from covey_operator.run_queue.metrics import RunMetrics
from tests.unit.operator.worlds import Object, resource

STATUS: Object = {
    "phase": "Failed",
    "startedAt": "2026-03-02T09:00:00Z",
    "finishedAt": "2026-03-02T09:01:30Z",
    "usage": {"inputTokens": 70, "outputTokens": 7},
    "nodes": [
        {"name": "plan", "state": "Succeeded", "visits": 3},
        {
            "name": "write",
            "state": "Failed",
            "visits": 1,
            "attempts": 4,
            "startedAt": "2026-03-02T09:01:00Z",
            "finishedAt": "2026-03-02T09:01:20Z",
        },
    ],
}


def counted(*runs: Object) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples that are not zero, by name and labels, without buckets."""
    registry = CollectorRegistry()
    metrics = RunMetrics(registry)
    for run in runs:
        metrics.ended(run)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_created", "_bucket"))
    }


def test_a_run_and_its_nodes() -> None:
    run = resource("FlowRun", "monday", {"flow": {"name": "report"}}) | {"status": STATUS}
    assert counted(run) == {
        ("covey_runs_ended_total", ("news", "report", "Failed")): 1,
        ("covey_run_seconds_count", ("news", "report")): 1,
        ("covey_run_seconds_sum", ("news", "report")): 90,
        ("covey_run_tokens_total", ("news", "report", "input")): 70,
        ("covey_run_tokens_total", ("news", "report", "output")): 7,
        ("covey_run_node_visits_total", ("news", "report", "plan", "Succeeded")): 3,
        ("covey_run_node_visits_total", ("news", "report", "write", "Failed")): 1,
        ("covey_run_node_retries_total", ("news", "report", "write")): 3,
        ("covey_run_node_seconds_count", ("news", "report", "write")): 1,
        ("covey_run_node_seconds_sum", ("news", "report", "write")): 20,
    }


def test_a_run_that_never_started() -> None:
    run = resource("FlowRun", "monday", {"agent": {"name": "a"}}) | {"status": {"phase": "Cancelled"}}
    assert counted(run) == {("covey_runs_ended_total", ("news", "", "Cancelled")): 1}
