"""Spans go to a collector by OTLP over HTTP when there is one, and cost nothing when there is none."""

import subprocess
import sys

import pytest

from agent_runtime.telemetry import traces
from tests.collector import collector
from tests.paths import ROOT
from tests.recorded import recording

SCRIPT = """
import sys
from agent_runtime.telemetry import traces
flush = traces.configure("agent/ann")
parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
with traces.span("request", headers=parent):
    assert traces.trace_id() == "0af7651916cd43dd8448eb211c80319c"
    assert traces.outgoing_headers()["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    try:
        with traces.span("tool", {traces.TOOL_NAME: "quote"}):
            raise ValueError("what a user wrote")
    except ValueError:
        pass
flush()
"""


def test_spans_reach_the_collector() -> None:
    with collector() as (url, spans):
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            check=True,
            env={"PATH": "", "PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": url},
        )
    by_name = {span.name: span for span in spans}
    request, tool = by_name["request"], by_name["tool"]
    assert request.trace_id.hex() == tool.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert tool.parent_span_id == request.span_id
    assert {a.key: a.value.string_value for a in tool.attributes} == {"gen_ai.tool.name": "quote"}
    assert tool.status.message == "ValueError", "what users wrote stays out of traces"


def test_without_a_collector_nothing_is_recorded_and_the_sdk_is_not_imported() -> None:
    check = (
        "import sys; from agent_runtime.telemetry import traces; traces.configure('x', {})()\n"
        "with traces.span('work'): assert traces.trace_id() is None\n"
        "assert traces.outgoing_headers() == {}\n"
        "assert not any(name.startswith('opentelemetry.sdk.trace') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)
    assert not traces.enabled()


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "hello",
        PARENT.upper(),
        PARENT + "-x",
        PARENT + "\n",
        PARENT.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
    ],
)
def test_what_is_no_traceparent_is_not_handed_on(garbage: str) -> None:
    with traces.carried(garbage):
        assert traces.traceparent() is None
        assert traces.outgoing_headers() == {}


def test_where_nothing_is_recorded_a_callers_trace_is_handed_on() -> None:
    with traces.carried(PARENT):
        with traces.span("work"):
            assert traces.traceparent() == PARENT
            assert traces.outgoing_headers() == {"traceparent": PARENT}
        with traces.carried(None):
            assert traces.traceparent() == PARENT
    assert traces.traceparent() is None


def test_a_span_names_itself_and_is_linked_to_what_exists() -> None:
    with recording() as recorded:
        with traces.span("work", headers={"traceparent": PARENT}, links=[PARENT, "hello"]):
            inside = traces.traceparent()
        assert traces.traceparent() is None
    span = recorded["work"]
    assert inside == f"00-0af7651916cd43dd8448eb211c80319c-{span.context.span_id:016x}-01"
    assert [f"{link.context.span_id:x}" for link in span.links] == ["b7ad6b7169203331"]


@pytest.mark.parametrize("brought", [None, "", "hello"])
def test_without_a_callers_trace_one_begins_and_is_handed_on(brought: str | None) -> None:
    with traces.continued(brought):
        found = traces.trace_id()
        assert found is not None
        assert len(found) == 32
        assert found in traces.outgoing_headers()[traces.HEADER]
        with traces.continued(None):
            assert traces.trace_id() == found
    assert traces.trace_id() is None


def test_a_callers_trace_is_in_the_log_lines_without_a_collector() -> None:
    with traces.continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        assert traces.trace_id() == "0af7651916cd43dd8448eb211c80319c"
