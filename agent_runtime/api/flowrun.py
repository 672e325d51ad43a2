"""FlowRun: one run of a Flow, in a Job of its own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agent_runtime.api.base import (
    JsonObject,
    JsonValue,
    LocalRef,
    Model,
    PrinterColumn,
    Resource,
    Rule,
    Status,
)
from agent_runtime.api.common import PodSettings


class FlowRunSpec(Model):
    """What is run, with which parameters."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.flow == oldSelf.flow", "flow cannot change: create another FlowRun", field="flow"),
        Rule(
            "has(self.params) == has(oldSelf.params) && (!has(self.params) || self.params == oldSelf.params)",
            "params cannot change: create another FlowRun",
            field="params",
        ),
        Rule(
            "!oldSelf.cancel || self.cancel",
            "a cancelled run cannot be taken back: create another FlowRun",
            field="cancel",
        ),
    )

    flow: LocalRef
    """The Flow."""
    params: JsonObject | None = None
    """Its parameters."""
    cancel: bool = False
    """Stop it for good."""
    pod: PodSettings | None = None
    """Its pod."""


class NodeState(Model):
    """How far a node has come."""

    name: str
    """The node."""
    state: Literal["Running", "Succeeded", "Failed"]
    """Its state."""
    action: str | None = None
    """The action it returned."""
    visits: int = 0
    """How often it was run."""


class Usage(Model):
    """What the run cost."""

    input_tokens: int = 0
    """Tokens sent to models."""
    output_tokens: int = 0
    """Tokens that models wrote."""


class FlowRunStatus(Status):
    """How far the run has come."""

    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Cancelled"] | None = None
    """Where it stands, in one word."""
    job: str | None = None
    """The Job that runs it."""
    started_at: str | None = None
    """When its pod started, RFC 3339."""
    finished_at: str | None = None
    """When it ended, RFC 3339."""
    result: JsonValue = None
    """What it yielded, up to 3 KiB of JSON."""
    nodes: Annotated[list[NodeState], Field(max_length=200)] | None = None
    """The nodes that were visited."""
    usage: Usage | None = None
    """What it cost."""


class FlowRunResource(Resource):
    """One run of a Flow."""

    plural: ClassVar[str] = "flowruns"
    short: ClassVar[str] = "fr"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Flow", ".spec.flow.name"),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Succeeded")].reason'),
        PrinterColumn("Finished", ".status.finishedAt", type="date", wide=True),
    )

    kind: Literal["FlowRun"] = "FlowRun"
    spec: FlowRunSpec
    status: FlowRunStatus | None = None
