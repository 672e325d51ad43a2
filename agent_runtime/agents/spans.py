"""The span of a piece of work: it goes on with the trace of what the agent works on."""

from contextlib import AbstractContextManager

from opentelemetry.trace import SpanKind

from agent_runtime.agents.work import Work
from agent_runtime.telemetry import traces


def invocation(work: Work) -> AbstractContextManager[object]:
    """Around the work. A delivery's span is a child of its first artifact's publication.

    It is linked to the publications of the others. Where nothing is recorded, the first one's trace is handed
    on.
    """
    parent, *others = dict.fromkeys(one.traceparent for one in work.inputs if one.traceparent) or (None,)
    if not traces.enabled():
        return traces.continued(parent)
    name = f"invoke_agent {work.agent}"
    about: dict[str, str | int | float | bool] = {traces.AGENT_NAME: work.agent}
    if work.source == "chat":
        return traces.span(name, about)
    about |= {
        traces.MESSAGING_SYSTEM: "covey",
        traces.MESSAGING_OPERATION: "invoke_agent",
        traces.MESSAGING_OPERATION_TYPE: "process",
        traces.CONSUMER_GROUP: work.agent,
        traces.DELIVERY: work.subject,
    }
    if work.inputs:
        about |= {
            traces.DESTINATION: work.inputs[0].type,
            traces.MESSAGE_ID: work.inputs[0].id,
            traces.CONVERSATION_ID: work.inputs[0].correlation,
        }
    if len(work.inputs) > 1:
        about[traces.MESSAGE_COUNT] = len(work.inputs)
    headers = {} if parent is None else {traces.HEADER: parent}
    links = [one for one in others if one is not None]
    return traces.span(name, about, kind=SpanKind.CONSUMER, headers=headers, links=links)
