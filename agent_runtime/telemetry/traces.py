"""Traces: a span for each request, publication, piece of work, node, model call and tool call, sent by OTLP.

Nothing is recorded, and the SDK is not even imported, unless OTEL_EXPORTER_OTLP_ENDPOINT says where to.
A process that records nothing hands on the trace that a caller brings, or begins one, for those who come
after it and for its log lines.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADER = "traceparent"
"""The header of W3C Trace Context."""

# Names of the OpenTelemetry conventions for generative AI.
AGENT_NAME = "gen_ai.agent.name"
MODEL_NAME = "gen_ai.request.model"
TOOL_NAME = "gen_ai.tool.name"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"

# Names of those for messaging: a blackboard is a broker, its types are the destinations.
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
MESSAGE_ID = "messaging.message.id"
CONVERSATION_ID = "messaging.message.conversation_id"
MESSAGE_COUNT = "messaging.batch.message_count"
CONSUMER_GROUP = "messaging.consumer.group.name"

# Our own, of blackboards.
DELIVERY = "covey.delivery"
DELIVERIES = "covey.deliveries"

# Our own, of flows: no convention has names for them yet.
FLOW = "covey.flow"
RUN = "covey.run"
NODE = "covey.node"
VISIT = "covey.visit"
ATTEMPTS = "covey.attempts"
ACTION = "covey.action"

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_NOTHING: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
"""Where nothing is recorded: one for all, so that spans cost next to nothing there."""

_tracer = trace.get_tracer("covey")
_enabled = False
_carried: ContextVar[str | None] = ContextVar("traceparent that is handed on", default=None)


def configure(service: str, environ: Mapping[str, str] = os.environ) -> Callable[[], None]:
    """Begin to send spans when the environment says where to; returns what flushes them at the end."""
    global _enabled
    if not environ.get(ENDPOINT_VARIABLE):
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create(_resource(service, environ)))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _enabled = True
    return provider.shutdown


def _resource(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Who sends the spans, by the names of the OpenTelemetry conventions; OTEL_RESOURCE_ATTRIBUTES wins."""
    named = {
        "service.name": service,
        "deployment.environment.name": environ.get("COVEY_ENVIRONMENT"),
        "k8s.namespace.name": environ.get("COVEY_NAMESPACE"),
        "k8s.pod.name": environ.get("COVEY_POD"),
    }
    given = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {name: value for name, value in named.items() if value and f"{name}=" not in given}


def span(
    name: str,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    headers: Mapping[str, str] | None = None,
    links: Iterable[str] = (),
) -> AbstractContextManager[Span]:
    """A span around the block; an exception that leaves it marks it as failed, by its type alone.

    `headers` are those of an incoming request: the span continues the caller's trace. `links` are
    traceparents of others that it has to do with; what is none is left out.
    """
    return _recorded(name, attributes, kind, headers, links) if _enabled else _NOTHING


@contextmanager
def _recorded(
    name: str,
    attributes: Mapping[str, str | int | float | bool] | None,
    kind: SpanKind,
    headers: Mapping[str, str] | None,
    links: Iterable[str],
) -> Iterator[Span]:
    context = propagate.extract(headers) if headers is not None else None
    linked = [Link(to) for to in map(_context_of, links) if to.is_valid]
    with _tracer.start_as_current_span(
        name, context, kind, attributes, linked, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            # Messages may hold what users wrote; they belong into the log of this trace.
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def carried(traceparent: str | None) -> AbstractContextManager[object]:
    """Hand a caller's trace on within the block, where nothing is recorded; what is none is dropped."""
    if _enabled or traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        return _NOTHING
    return _carrying(traceparent)


def continued(traceparent: str | None) -> AbstractContextManager[object]:
    """As `carried`, and without a valid one the trace under way continues; outside of any, a new one begins.

    So the log lines of one request share an id, in all processes that it reaches, also where no collector of
    traces is configured.
    """
    is_valid = traceparent is not None and _TRACEPARENT.fullmatch(traceparent) is not None
    if _enabled or is_valid:
        return carried(traceparent)
    return _NOTHING if _carried.get() is not None else _carrying(_new_traceparent())


def _new_traceparent() -> str:
    """Marked as sampled: otherwise a callee that records would keep nothing of it."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


@contextmanager
def _carrying(traceparent: str) -> Iterator[None]:
    token = _carried.set(traceparent)
    try:
        yield
    finally:
        _carried.reset(token)


def traceparent() -> str | None:
    """The span under way, or the one that is handed on, as the header has it; None outside of a trace."""
    if not _enabled:
        return _carried.get()
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    ids = f"{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
    return f"00-{ids}-{context.trace_flags:02x}"


def trace_id() -> str | None:
    """The id of the trace under way, recorded or handed on, 32 hex digits; None outside of one."""
    handed_on = None if _enabled else _carried.get()
    if handed_on is not None:
        return handed_on.split("-")[1]
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def outgoing_headers() -> dict[str, str]:
    """Headers (`traceparent`) that let the callee continue the trace under way; none outside of one."""
    headers: dict[str, str] = {}
    if _enabled:
        propagate.inject(headers)
    elif (handed_on := _carried.get()) is not None:
        headers[HEADER] = handed_on
    return headers


def note(name: str, value: int) -> None:
    """An attribute of the span under way."""
    if _enabled:
        trace.get_current_span().set_attribute(name, value)


def enabled() -> bool:
    """Whether spans are recorded at all."""
    return _enabled


def _context_of(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(propagate.extract({HEADER: traceparent}, Context())).get_span_context()
