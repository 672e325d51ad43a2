"""The spans of a publication, by the OpenTelemetry conventions for messaging: a board is a broker."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from opentelemetry.trace import Span, SpanKind

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.matcher import Matched
from agent_runtime.telemetry import traces

_PUBLISH: dict[str, str | int | float | bool] = {
    traces.MESSAGING_SYSTEM: "covey",
    traces.MESSAGING_OPERATION: "publish",
    traces.MESSAGING_OPERATION_TYPE: "send",
}


def publication() -> AbstractContextManager[Span]:
    """Around one call that publishes: the span that the artifacts carry on."""
    return traces.span("publish", _PUBLISH, kind=SpanKind.PRODUCER)


def describe(span: Span, artifacts: Sequence[Artifact]) -> None:
    """Say on the publication's span what is published: of a batch, what all of it has in common."""
    if not span.is_recording():
        return
    if len(artifacts) == 1:
        span.set_attribute(traces.MESSAGE_ID, artifacts[0].id)
    else:
        span.set_attribute(traces.MESSAGE_COUNT, len(artifacts))
    types = {artifact.type for artifact in artifacts}
    if len(types) == 1:
        span.update_name(f"publish {artifacts[0].type}")
        span.set_attribute(traces.DESTINATION, artifacts[0].type)
    if len({artifact.correlation for artifact in artifacts}) == 1:
        span.set_attribute(traces.CONVERSATION_ID, artifacts[0].correlation)


def scheduling() -> AbstractContextManager[Span]:
    """Around finding who is fed, and storing artifacts and deliveries in one step."""
    return traces.span("schedule")


def scheduled(matched: Sequence[Matched]) -> None:
    """Note on the span under way how many deliveries the artifacts make."""
    traces.note(traces.DELIVERIES, sum(len(outcome.matches) for outcome in matched))
