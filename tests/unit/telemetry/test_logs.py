"""Logs are one JSON object a line, whoever writes them."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.paths import ROOT

SCRIPT = """
import logging
from datetime import UTC, datetime
from agent_runtime.telemetry import logs, traces
from agent_runtime.telemetry.events import Event

flush = traces.configure("agent/ann")
logs.configure("agent/ann")
log = logs.logger("tests")
{body}
flush()
"""


def lines(body: str, **environ: str) -> list[dict[str, Any]]:
    """What a process that does this writes to stdout."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONPATH": str(ROOT), **environ},
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_line_says_who_where_and_when() -> None:
    (line,) = lines(
        "log.info('hello', number=7, when=datetime(2026, 1, 1, tzinfo=UTC))", COVEY_ENVIRONMENT="test"
    )
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "hello",
        "level": "info",
        "service": "agent/ann",
        "environment": "test",
        "resource_kind": "Agent",
        "resource_name": "ann",
        "part": "tests",
        "number": 7,
        "when": "2026-01-01T00:00:00+00:00",
    }


def test_an_exception_is_in_the_line() -> None:
    body = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('broke')"
    (line,) = lines(body)
    assert line["level"] == "error"
    assert "ZeroDivisionError: division by zero" in line["exception"]


def test_libraries_write_the_same_lines() -> None:
    (line,) = lines(
        "logging.getLogger('lib').warning('careful %s', 1); logging.getLogger('lib').info('chatter')"
    )
    assert (line["event"], line["level"], line["service"]) == ("careful 1", "warning", "agent/ann")


@pytest.mark.parametrize(
    ("kind", "level"),
    [("agent.finished", "info"), ("agent.failed", "warning"), ("run.node", "info"), ("agent.started", None)],
)
def test_events_become_lines(kind: str, level: str | None) -> None:
    written = lines(f"logs.LogEvents()(Event(datetime.now(UTC), {kind!r}, 'ann', 'did it', {{'n': 1}}))")
    if level is None:
        assert written == []
        return
    (line,) = written
    assert (line["level"], line["event"], line["kind"], line["subject"], line["n"]) == (
        level,
        "did it",
        kind,
        "ann",
        1,
    )


def test_within_a_span_a_line_has_its_trace_id() -> None:
    outside, inside = lines(
        "log.info('out')\nwith traces.span('work'):\n    log.info('in')",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        OTEL_BSP_EXPORT_TIMEOUT="100",
    )[:2]
    assert "trace_id" not in outside
    assert len(inside["trace_id"]) == 32


def test_a_line_of_a_pod_says_where_it_comes_from() -> None:
    place = {
        "COVEY_NAMESPACE": "news",
        "COVEY_POD": "ann-agent-x",
        "COVEY_RESOURCE_KIND": "Agent",
        "COVEY_RESOURCE_NAME": "ann",
        "COVEY_ENVIRONMENT": "staging",
    }
    body = "with traces.continued(None):\n    log.info('hello')\nlogging.getLogger('lib').warning('careful')"
    ours, theirs = lines(body, **place)
    for line in (ours, theirs):
        assert {"COVEY_" + name.upper(): line.get(name) for name in ("namespace", "pod", "environment")} == {
            name: place[name] for name in ("COVEY_NAMESPACE", "COVEY_POD", "COVEY_ENVIRONMENT")
        }
        assert (line["resource_kind"], line["resource_name"]) == ("Agent", "ann")
    assert len(ours["trace_id"]) == 32
