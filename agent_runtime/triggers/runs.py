"""The FlowRun that a trigger makes. Pure: a flow and a reason in, a manifest out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent_runtime.api.base import API_VERSION
from agent_runtime.api.flow import FlowResource
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.core.cel import CelError
from agent_runtime.core.template import Template
from agent_runtime.triggers import naming
from agent_runtime.triggers.schedule import parse

SCHEDULE_VARIABLES = ("schedule",)
"""What the parameters of a cron trigger may speak of: `schedule.time`."""
ARTIFACT_VARIABLES = ("artifact",)
"""What those of an artifact trigger may speak of."""


class TriggerError(ValueError):
    """A run cannot be made, and never can be for this time or artifact: an expression fails on it."""


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a run is made: its name, what it is noted under, and what its parameters see."""

    name: str
    annotations: Mapping[str, str]
    variables: Mapping[str, object]


def scheduled_run(flow: FlowResource, index: int, time: datetime) -> dict[str, Any]:
    """The run of the cron trigger `flow.spec.triggers[index]` for a time of its schedule.

    `schedule.time` is that time on the clock of the trigger's zone, RFC 3339. Raises TriggerError.
    """
    cron = flow.spec.triggers[index].cron
    if cron is None:
        raise ValueError(f'{_place(index)} of Flow "{flow.name}" is no cron trigger')
    local = time.astimezone(parse(cron.schedule, cron.time_zone).zone)
    reason = _Reason(
        naming.scheduled_run_name(flow.name, flow.spec.triggers, index, time),
        {naming.TIME_ANNOTATION: rfc3339(time.astimezone(UTC))},
        {"schedule": {"time": rfc3339(local)}},
    )
    return _manifest(flow, index, reason)


def artifact_run(flow: FlowResource, index: int, artifact: Artifact) -> dict[str, Any]:
    """The run of the artifact trigger `flow.spec.triggers[index]` for an artifact. Raises TriggerError."""
    if flow.spec.triggers[index].artifact is None:
        raise ValueError(f'{_place(index)} of Flow "{flow.name}" is no artifact trigger')
    key = naming.trigger_key(flow.spec.triggers, index)
    trace = {} if artifact.traceparent is None else {naming.TRACE_ANNOTATION: artifact.traceparent}
    reason = _Reason(
        naming.artifact_run_name(flow.name, flow.metadata.uid, key, artifact.id),
        {naming.ARTIFACT_ANNOTATION: artifact.id, **trace},
        {"artifact": _shown(artifact)},
    )
    return _manifest(flow, index, reason)


def rfc3339(time: datetime) -> str:
    """To the second; with Z in UTC, else with the offset."""
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _manifest(flow: FlowResource, index: int, reason: _Reason) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "FlowRun",
        "metadata": {
            "name": reason.name,
            "namespace": flow.namespace,
            "labels": {
                naming.FLOW_LABEL: flow.name,
                naming.TRIGGER_LABEL: naming.trigger_key(flow.spec.triggers, index),
            },
            "annotations": dict(reason.annotations),
        },
        "spec": {"flow": {"name": flow.name}, "params": _params(flow, index, reason.variables)},
    }


def _params(flow: FlowResource, index: int, variables: Mapping[str, object]) -> dict[str, object]:
    params: dict[str, object] = {}
    for name, template in flow.spec.triggers[index].params.items():
        try:
            params[name] = Template(template, variables).render(variables)
        except CelError as error:
            place = f"{_place(index)}.params.{name}"
            raise TriggerError(f'Flow "{flow.name}", {place}: {error}') from error
    return params


def _shown(artifact: Artifact) -> dict[str, object]:
    """What a template may know of an artifact; its names are those of the artifact's JSON."""
    return {
        "id": artifact.id,
        "type": artifact.type,
        "version": artifact.version,
        "payload": artifact.payload,
        "tags": list(artifact.tags),
        "partition": artifact.partition,
        "producer": artifact.producer,
        "correlation": artifact.correlation,
        "createdAt": rfc3339(artifact.created_at),
    }


def _place(index: int) -> str:
    return f"spec.triggers[{index}]"
