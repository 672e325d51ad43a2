"""What can be seen of a run from outside: one log record and one span for each visit, metrics."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from agent_runtime.telemetry.events import Event
from tests.collector import collector
from tests.paths import ROOT
from tests.unit.runs.bench import Bench, agent, config, flow, llm
from tests.unit.telemetry.test_logs import lines

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def ended(bench: Bench) -> list[Event]:
    return [event for event in bench.events if event.kind == "run.node" and "outcome" in event.data]


async def test_each_visit_ends_with_one_record_of_all_that_is_known_of_it() -> None:
    bench = Bench()
    bench.agents.failures = 1
    retry = {"maxAttempts": 2, "wait": "1ms"}
    await bench.run(
        config(
            agent("ask", "flaky", "hi", retry=retry, next={"default": "try"}),
            llm("try", "break", next={"failed": "sub"}),
            {"name": "sub", "flow": "sub"},
            flows={"sub": flow(llm("deep", "break"))},
        )
    )
    records = {event.data["node"]: dict(event.data) for event in ended(bench)}
    assert {path: (data["outcome"], data["action"], data["attempts"]) for path, data in records.items()} == {
        "ask": ("succeeded", "default", 2),
        "try": ("failed", "failed", 1),
        "sub/deep": ("failed", None, 1),
        "sub": ("failed", None, 1),
    }
    assert records["ask"]["error"] == "flaky is away"
    assert "out of ink" in records["try"]["error"]
    assert (records["ask"]["input_tokens"], records["ask"]["output_tokens"]) == (1, 1)
    assert all(data["flow"] == "report" and data["seconds"] >= 0 for data in records.values())


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_metrics_count_visits_retries_runs_and_waits_by_flow() -> None:
    labels = {"flow": "report", "node": "counted"}
    names = {
        "visits": ("covey_flow_node_visits_total", {**labels, "outcome": "succeeded"}),
        "waits": ("covey_flow_node_visits_total", {"flow": "report", "node": "gate", "outcome": "waiting"}),
        "retries": ("covey_flow_node_retries_total", labels),
        "seconds": ("covey_flow_node_seconds_count", labels),
        "succeeded": ("covey_flow_runs_total", {"flow": "report", "outcome": "succeeded"}),
        "failed": ("covey_flow_runs_total", {"flow": "report", "outcome": "failed"}),
        "suspended": ("covey_flow_suspensions_total", {"flow": "report", "waits_for": "Approval"}),
    }
    before = {key: sample(name, **by) for key, (name, by) in names.items()}
    bench = Bench()
    bench.agents.failures = 2
    await bench.run(config(agent("counted", "flaky", "hi", retry={"maxAttempts": 3, "wait": "1ms"})))
    await bench.run(config(llm("broken", "break")))
    await bench.run(config({"name": "gate", "approve": {"prompt": "?"}}))
    grown = {key: sample(name, **by) - before[key] for key, (name, by) in names.items()}
    assert grown == {
        "visits": 1,
        "waits": 1,
        "retries": 2,
        "seconds": 1,
        "succeeded": 1,
        "failed": 1,
        "suspended": 1,
    }
    assert sample("covey_flow_runs_in_progress", flow="report") == 0


@pytest.mark.parametrize(
    ("data", "written"), [({"state": "Running"}, 0), ({"state": "Succeeded", "outcome": "succeeded"}, 1)]
)
def test_only_the_end_of_a_visit_is_logged(data: dict[str, Any], written: int) -> None:
    event = f"Event(datetime.now(UTC), 'run.node', 'r1', 'a ...', {data!r})"
    assert len(lines(f"logs.LogEvents()({event})")) == written


def test_each_visit_is_a_span_and_its_record_names_the_trace(tmp_path: Path) -> None:
    nodes = (
        {
            "name": "sum",
            "tool": {"builtin": "calculator"},
            "input": {"expression": "1+1"},
            "next": {"default": "ask"},
        },
        llm("ask", "hi"),
    )
    path = tmp_path / "run.json"
    path.write_text(json.dumps(config(*nodes).manifest() | {"traceparent": TRACE}))
    with collector() as (url, spans):
        process = subprocess.run(
            [sys.executable, "-m", "agent_runtime", "run", "--config", path, "--result", tmp_path / "result"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url},
        )
    attributes = {
        span.name: {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
        for span in spans
    }
    visit = {"covey.flow": "report", "covey.run": "r1", "covey.visit": 1, "covey.attempts": 1}
    assert attributes["node sum"] == {
        **visit,
        "covey.node": "sum",
        "covey.action": "default",
        "gen_ai.tool.name": "calculator",
    }
    assert attributes["node ask"]["gen_ai.request.model"] == "fast"
    assert attributes["node ask"]["gen_ai.usage.output_tokens"] == 2
    parents = {span.span_id: span.name for span in spans}
    inner = {span.name: parents.get(span.parent_span_id) for span in spans}
    assert (inner["execute_tool"], inner["chat"]) == ("node sum", "node ask")
    assert (inner["node sum"], inner["node ask"]) == ("invoke_workflow report", "invoke_workflow report")
    (run,) = [span for span in spans if span.name == "invoke_workflow report"]
    assert (run.trace_id.hex(), run.parent_span_id.hex()) == tuple(TRACE.split("-")[1:3])
    records = [json.loads(line) for line in process.stdout.splitlines()]
    traced = {line["node"]: line["trace_id"] for line in records if line.get("kind") == "run.node"}
    assert traced == {
        span.name.removeprefix("node "): span.trace_id.hex()
        for span in spans
        if span.name.startswith("node ")
    }
