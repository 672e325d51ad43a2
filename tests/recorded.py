"""Spans of this process, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_runtime.telemetry import traces


class Recorded:
    """What was recorded so far."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        """All spans that have ended, in that order."""
        return list(self._exporter.get_finished_spans())

    def __getitem__(self, name: str) -> ReadableSpan:
        """The one span of that name."""
        (span,) = [span for span in self.all() if span.name == name]
        return span

    def family(self) -> set[tuple[str, str | None]]:
        """(name, its parent's name) of each; the parent of a root is None."""
        names = {span.context.span_id: span.name for span in self.all()}
        return {(span.name, names[span.parent.span_id] if span.parent else None) for span in self.all()}

    def traces(self) -> int:
        """How many traces there are."""
        return len({span.context.trace_id for span in self.all()})


@contextmanager
def recording() -> Iterator[Recorded]:
    """Record within the block, as a process does that was told of a collector."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traces, "_tracer", provider.get_tracer("tests"))
        patch.setattr(traces, "_enabled", True)
        yield Recorded(exporter)
