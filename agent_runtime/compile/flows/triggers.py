"""The triggers of a Flow, checked: schedules, blackboards, and the parameters that they give."""

from collections.abc import Mapping

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.flow import FlowSpec
from agent_runtime.api.triggers import ArtifactTrigger, CronTrigger, Trigger
from agent_runtime.compile.flows.names import Known, check_names, nearest
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.subscription import check_entry
from agent_runtime.triggers.schedule import InvalidSchedule, parse

_KNOWN: Mapping[str, Known] = {
    "schedule": {"schedule": ("time",)},
    "artifact": {
        "artifact": (
            "id",
            "type",
            "version",
            "payload",
            "tags",
            "partition",
            "producer",
            "correlation",
            "createdAt",
        )
    },
}
"""What the variables of triggers have; see `triggers.runs`."""


def check_triggers(flow: FlowSpec, resolution: Resolution) -> None:
    """Refuse what is wrong with each trigger."""
    first: dict[str, int] = {}
    for index, trigger in enumerate(flow.triggers):
        field = f"spec.triggers[{index}]"
        before = first.setdefault(trigger.model_dump_json(), index)
        if before != index:
            message = f"{field}: the same trigger is there already, as spec.triggers[{before}]: remove one"
            resolution.refuse("InvalidTrigger", message, field)
        if trigger.cron is not None:
            _check_cron(trigger.cron, f"{field}.cron", resolution)
        if trigger.artifact is not None:
            _check_artifact(trigger.artifact, f"{field}.artifact", resolution)
        _check_params(trigger, flow, f"{field}.params", resolution)


def _check_cron(cron: CronTrigger, field: str, resolution: Resolution) -> None:
    try:
        parse(cron.schedule, cron.time_zone)
    except InvalidSchedule as error:
        resolution.refuse("InvalidTrigger", f"{field}: {error}", field)


def _check_artifact(artifact: ArtifactTrigger, field: str, resolution: Resolution) -> None:
    check_entry(Consumes(types=[artifact.type], where=artifact.where), field, resolution)
    board = resolution.resource(BlackboardResource, artifact.blackboard, f"{field}.blackboard")
    if board is None:
        return
    types = sorted({type_.name for type_ in board.spec.artifact_types})
    if artifact.type not in types:
        resolution.refuse(
            "UnknownType",
            f'{field}.type: Blackboard "{board.name}" has no artifact type "{artifact.type}": '
            f"add it there, or take one of {', '.join(types)}",
            f"{field}.type",
        )


def _check_params(trigger: Trigger, flow: FlowSpec, field: str, resolution: Resolution) -> None:
    variable = "schedule" if trigger.cron is not None else "artifact"
    there = ", ".join(flow.params) or "none"
    for name, template in trigger.params.items():
        if name not in flow.params:
            near = nearest(name, flow.params)
            message = f"{field}.{name}: the flow has no such parameter, it has {there}{near}"
            resolution.refuse("InvalidTrigger", message, f"{field}.{name}")
        resolution.template(template, (variable,), f"{field}.{name}")
        check_names(template, _KNOWN[variable], f"{field}.{name}", resolution)
    for name, schema in flow.params.items():
        if name not in trigger.params and "default" not in schema:
            message = f"{field}: the flow's parameter {name} has no default: give it here"
            resolution.refuse("InvalidTrigger", message, field)
