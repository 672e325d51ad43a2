"""Flow: a graph of nodes; what one returns as its action picks the next."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agent_runtime.api.base import (
    Duration,
    JsonObject,
    Model,
    Name,
    PrinterColumn,
    Resource,
    Rule,
    Status,
)
from agent_runtime.api.common import PodSettings
from agent_runtime.api.nodes import FlowNode, Key, Template
from agent_runtime.api.triggers import Trigger


class RunSettings(Model):
    """How runs of this flow are run."""

    backend: Literal["Job", "Queue"] = "Job"
    """Job: a pod of its own for each run. Queue: the warm workers of `serve` take it."""
    max_concurrent: Annotated[int, Field(ge=1, le=100000)] | None = None
    """Runs of this flow at once; more are Queued."""
    deadline: Duration = "1h"
    """How long a run may work in all; the time that it waits for people or the clock does not count."""
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """How many pods may fail before the run does."""
    ttl_after_finished: Duration | None = None
    """How long a run is kept after its end, with its Job and its checkpoints; none: until it is deleted."""
    history_limit: Annotated[int, Field(ge=0, le=1000)] = 10
    """Runs made by triggers that are kept after their end: the newest."""


class Graph(Model):
    """Nodes, their order, and parameters: what can be run."""

    params: Annotated[dict[Key, JsonObject], Field(max_length=64)] = Field(default_factory=dict)
    """Parameters: a JSON Schema for each, with a `default` where it may be left out."""
    start: Name
    """The node that comes first."""
    nodes: Annotated[
        list[FlowNode],
        Field(
            min_length=1,
            max_length=200,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ]
    """The steps."""
    result: Template | None = None
    """The run's result: `${...}` over `params` and `shared`; none: the last node's output."""
    run: RunSettings = Field(default_factory=RunSettings)
    """How runs are run."""
    max_steps: Annotated[int, Field(ge=1, le=100000)] = 1000
    """Node visits of one run, so that no loop is endless."""


class Serve(Model):
    """Warm workers: pods that wait for runs."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Workers."""
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 1
    """Runs at once in each."""
    pod: PodSettings | None = None
    """Their pods."""


class FlowSpec(Graph):
    """The graph, what makes runs of it, and its workers."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.run.backend != 'Queue' || has(self.serve)",
            "the backend Queue needs workers: set serve, or take the backend Job",
            field="run.backend",
        ),
    )

    triggers: Annotated[list[Trigger], Field(max_length=16)] = Field(default_factory=list)
    """What makes runs; none: only people do."""
    serve: Serve | None = None
    """Workers for the backend Queue."""

    @property
    def graph(self) -> Graph:
        """What of it can be run."""
        return Graph(**{name: getattr(self, name) for name in Graph.model_fields})


class TriggerStatus(Model):
    """How a trigger by the clock stands."""

    trigger: str
    """Which one: `cron SCHEDULE ZONE`."""
    last_time: str | None = None
    """The time of its schedule for which a run was made last, or which was skipped, RFC 3339."""
    next_time: str | None = None
    """The next time, RFC 3339."""
    missed: int = 0
    """Times that passed without a run, since the schedule was set."""


class FlowStatus(Status):
    """Whether the flow can be run."""

    nodes: int | None = None
    """How many nodes it has."""
    triggers: Annotated[list[TriggerStatus], Field(max_length=16)] | None = None
    """Its triggers by the clock."""
    ready_workers: int | None = None
    """Workers that wait for runs."""


class FlowResource(Resource):
    """A graph of nodes that share a store; runs of it are FlowRuns."""

    plural: ClassVar[str] = "flows"
    short: ClassVar[str] = "fl"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Start", ".spec.start"),
        PrinterColumn("Nodes", ".status.nodes", type="integer"),
        PrinterColumn("Next Run", ".status.triggers[0].nextTime"),
        PrinterColumn("Workers", ".status.readyWorkers", type="integer", wide=True),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
    )

    kind: Literal["Flow"] = "Flow"
    spec: FlowSpec
    status: FlowStatus | None = None
