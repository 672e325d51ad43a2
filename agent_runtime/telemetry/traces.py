"""Traces: one span for each request, node, model call and tool call, sent by OTLP over HTTP.

Nothing is recorded, and the SDK is not even imported, unless OTEL_EXPORTER_OTLP_ENDPOINT says where to.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"

# Names of the OpenTelemetry conventions for generative AI.
AGENT_NAME = "gen_ai.agent.name"
MODEL_NAME = "gen_ai.request.model"
TOOL_NAME = "gen_ai.tool.name"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"

# Our own, of flows: no convention has names for them yet.
FLOW = "covey.flow"
RUN = "covey.run"
NODE = "covey.node"
VISIT = "covey.visit"
ATTEMPTS = "covey.attempts"
ACTION = "covey.action"

_tracer = trace.get_tracer("covey")
_enabled = False


def configure(service: str, environ: Mapping[str, str] = os.environ) -> Callable[[], None]:
    """Begin to send spans when the environment says where to; returns what flushes them at the end."""
    global _enabled
    if not environ.get(ENDPOINT_VARIABLE):
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _enabled = True
    return provider.shutdown


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Span]:
    """A span around the block; an exception that leaves it marks it as failed, by its type alone.

    `headers` are those of an incoming request: the span continues the caller's trace.
    """
    if not _enabled:
        yield trace.INVALID_SPAN
        return
    context = propagate.extract(headers) if headers is not None else None
    with _tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            # Messages may hold what users wrote; they belong into the log of this trace.
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def trace_id() -> str | None:
    """The id of the trace under way, 32 hex digits; None outside of one."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def outgoing_headers() -> dict[str, str]:
    """Headers (`traceparent`) that let the callee continue the trace under way; none outside of one."""
    headers: dict[str, str] = {}
    if _enabled:
        propagate.inject(headers)
    return headers


def enabled() -> bool:
    """Whether spans are recorded at all."""
    return _enabled
