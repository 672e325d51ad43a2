"""What every log line says besides its event: which process, where, for which resource, in which trace."""

import os
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from structlog.typing import EventDict

from agent_runtime.telemetry.traces import trace_id

ENVIRONMENT_VARIABLE = "COVEY_ENVIRONMENT"
"""Names the environment (production, staging, ...)."""
NAMESPACE_VARIABLE = "COVEY_NAMESPACE"
POD_VARIABLE = "COVEY_POD"
RESOURCE_KIND_VARIABLE = "COVEY_RESOURCE_KIND"
RESOURCE_NAME_VARIABLE = "COVEY_RESOURCE_NAME"
"""The resource that the process belongs to. The operator sets these four in every pod of the runtime."""

_KINDS = {"agent": "Agent", "blackboard": "Blackboard", "run": "FlowRun", "worker": "Flow"}
"""What the first part of a service's name stands for, where no variable says it."""
_BY_EVENT = {"agent": "Agent", "run": "FlowRun"}

Processor = Callable[[object, str, MutableMapping[str, Any]], EventDict]


def place_of(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The fields that are the same in all lines of a process; what is unknown is left out."""
    kind, _, name = service.partition("/")
    fields = {
        "service": service,
        "environment": environ.get(ENVIRONMENT_VARIABLE) or "default",
        "namespace": environ.get(NAMESPACE_VARIABLE, ""),
        "pod": environ.get(POD_VARIABLE, ""),
        "resource_kind": environ.get(RESOURCE_KIND_VARIABLE) or (_KINDS.get(kind, "") if name else ""),
        "resource_name": environ.get(RESOURCE_NAME_VARIABLE) or (name.partition("/")[0]),
    }
    return {key: value for key, value in fields.items() if value}


def add_context(service: str, environ: Mapping[str, str] = os.environ) -> Processor:
    """A processor of structlog that adds them, and the `trace_id` within a trace. A line's own words win."""
    fixed = place_of(service, environ)

    def add(_logger: object, _method: str, line: MutableMapping[str, Any]) -> EventDict:
        trace = trace_id()
        if trace is not None:
            line.setdefault("trace_id", trace)
        for key, value in fixed.items():
            line.setdefault(key, value)
        return line

    return add


def resource_of(event_kind: str, subject: str) -> dict[str, str]:
    """The resource that an event is about."""
    kind = _BY_EVENT.get(event_kind.partition(".")[0])
    return {} if kind is None else {"resource_kind": kind, "resource_name": subject}
