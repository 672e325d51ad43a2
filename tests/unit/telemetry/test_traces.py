"""Spans go to a collector by OTLP over HTTP when there is one, and cost nothing when there is none."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent_runtime.telemetry import traces

ROOT = Path(__file__).parents[3]
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


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """A collector on a free port, and the spans that it got."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
