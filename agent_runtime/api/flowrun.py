"""FlowRun: one run of a Flow, in Jobs of its own or by warm workers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.base import (
    JsonObject,
    JsonValue,
    LocalRef,
    Model,
    Name,
    PrinterColumn,
    Resource,
    Rule,
    Status,
    exactly_one_of,
)
from agent_runtime.api.common import PodSettings
from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import Action

NodePath = Annotated[str, StringConstraints(min_length=1, max_length=512)]
"""A node's name; within other flows theirs before it: `review/draft`."""


class AgentQuestion(Model):
    """A run of one node: ask an Agent."""

    name: Name
    """The Agent."""
    input: JsonValue = None
    """The message, or an object that is given as JSON; it may hold `${...}` over `params`."""


class Fork(Model):
    """A boundary of another run of the same graph, from which this one goes on."""

    run: Name
    """The other FlowRun."""
    at: Annotated[int, Field(ge=0)] | None = None
    """The number of the boundary, as `covey run show` lists them; none: the latest."""


class Answer(Model):
    """What a person said to a node that asks for approval."""

    node: NodePath
    """The node that asks."""
    visit: Annotated[int, Field(ge=1)] = 1
    """Which of its visits, counted from 1, when a loop leads there again."""
    action: Action
    """One of the node's actions."""
    comment: Annotated[str, StringConstraints(max_length=2048)] = ""
    """For those who come after; it becomes part of the node's output."""
    by: Annotated[str, StringConstraints(max_length=253)] | None = None
    """Who gives the answer: the user's name as `kubectl auth whoami` shows it. The chart's admission policy
    holds it to that; on the laptop it is the user of the machine."""


def _unchanging(field: str) -> Rule:
    now, before = f"self.{field}", f"oldSelf.{field}"
    same = f"has({now}) == has({before}) && (!has({now}) || {now} == {before})"
    return Rule(same, f"{field} cannot change: create another FlowRun", field=field)


class FlowRunSpec(Model):
    """What is run, with which parameters."""

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one_of("flow", "flowSpec", "agent"),
        *(_unchanging(field) for field in ("flow", "agent", "params", "forkOf", "backend")),
        Rule(
            "!oldSelf.cancel || self.cancel",
            "a cancelled run cannot be taken back: create another FlowRun",
            field="cancel",
        ),
    )

    fixed: ClassVar[tuple[str, ...]] = ("flowSpec",)

    flow: LocalRef | None = None
    """The Flow."""
    flow_spec: Graph | None = None
    """Or a graph of its own."""
    agent: AgentQuestion | None = None
    """Or one question to an Agent."""
    params: JsonObject | None = None
    """Parameters of the flow."""
    backend: Literal["Job", "Queue"] | None = None
    """Where it runs; none: as the Flow's `run.backend` says."""
    suspend: bool = False
    """Stop its process for now; it goes on at the node that was under way."""
    cancel: bool = False
    """Stop it for good."""
    answers: (
        Annotated[
            list[Answer],
            Field(
                max_length=64,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["node", "visit"],
                },
            ),
        ]
        | None
    ) = None
    """Answers to nodes that ask for approval."""
    fork_of: Fork | None = None
    """Go on from where another run stood, instead of from the start."""
    pod: PodSettings | None = None
    """Its pods."""


class NodeState(Model):
    """How far a node has come."""

    name: str
    """The node's path."""
    state: Literal["Running", "Waiting", "Succeeded", "Failed", "Cancelled"]
    """Its state. Cancelled: it had not ended when its run did."""
    action: str | None = None
    """The action it returned."""
    visits: int = 0
    """How often it was run."""
    attempts: int | None = None
    """Attempts of the last visit, when there was more than one."""
    started_at: str | None = None
    """When its last visit began, RFC 3339."""
    finished_at: str | None = None
    """When its last visit ended, RFC 3339."""
    answered_by: str | None = None
    """Who gave the answer that its last visit took."""


class Waiting(Model):
    """What a run waits for."""

    for_: Literal["Approval", "Time", "Map"] = Field(alias="for")
    """A person's answer, the clock, or the pods of a mapped node."""
    node: str
    """The node's path."""
    visit: int = 1
    """Which of its visits."""
    prompt: str | None = None
    """What a person is asked."""
    actions: list[str] | None = None
    """What the person may answer."""
    until: str | None = None
    """When the wait is over, RFC 3339."""
    count: int | None = None
    """How many items are mapped."""
    parallelism: int | None = None
    """How many at once."""
    generation: int | None = None
    """In whose name the items' results are written."""


class RunError(Model):
    """Why a run failed."""

    node: str = ""
    """The path of the node that failed; empty when it was no node's fault."""
    message: str
    """What went wrong."""
    type: str | None = None
    """The type of the exception that a Python function raised."""
    traceback: str | None = None
    """Its traceback, without its middle when it is long."""


class Usage(Model):
    """What the run cost."""

    input_tokens: int = 0
    """Tokens sent to models."""
    output_tokens: int = 0
    """Tokens that models wrote."""


class FlowRunStatus(Status):
    """How far the run has come."""

    phase: Literal["Queued", "Running", "Waiting", "Succeeded", "Failed", "Cancelled"] | None = None
    """Where it stands, in one word."""
    job: str | None = None
    """The Job that runs it."""
    leg: int | None = None
    """How many processes it has had: each wait ends one."""
    worked_seconds: int | None = None
    """How long the processes that ended worked; `run.deadline` counts it."""
    started_at: str | None = None
    """When it started, RFC 3339."""
    finished_at: str | None = None
    """When it ended, RFC 3339."""
    result: JsonValue = None
    """What it yielded, up to 3 KiB of JSON; its checkpoint keeps the whole."""
    nodes: Annotated[list[NodeState], Field(max_length=200)] | None = None
    """Nodes that were visited, as many as fit."""
    waiting: Waiting | None = None
    """What it waits for."""
    usage: Usage | None = None
    """What it cost."""
    resumed_from: str | None = None
    """The node at which its last process began, when that was not the start."""
    error: RunError | None = None
    """Why it failed."""


_SAME_ANSWER = (
    "kept.node == given.node && kept.action == given.action && "
    "(has(kept.visit) ? kept.visit : 1) == (has(given.visit) ? given.visit : 1) && "
    "(has(kept.comment) ? kept.comment : '') == (has(given.comment) ? given.comment : '') && "
    "(has(kept.by) ? kept.by : '') == (has(given.by) ? given.by : '')"
)
_ANSWERS_STAY = (
    "!has(oldSelf.spec.answers) || (has(self.spec.answers) && oldSelf.spec.answers.all(given, "
    f"self.spec.answers.exists(kept, {_SAME_ANSWER})))"
)
_NONE_WAS_TAKEN = (
    "(has(oldSelf.status) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(said, "
    "said.type == 'Succeeded' && said.reason == 'InvalidAnswer'))"
)


class FlowRunResource(Resource):
    """One run of a Flow."""

    rules: ClassVar[tuple[Rule, ...]] = (
        *Resource.rules,
        Rule(
            f"{_ANSWERS_STAY} || {_NONE_WAS_TAKEN}",
            "an answer that was given cannot be changed or taken back, unless the run says InvalidAnswer: "
            "add one for another visit, or cancel the run",
            field="spec.answers",
        ),
    )
    plural: ClassVar[str] = "flowruns"
    short: ClassVar[str] = "fr"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Flow", ".spec.flow.name"),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Succeeded")].reason'),
        PrinterColumn("Waiting At", ".status.waiting.node", wide=True),
        PrinterColumn("Finished", ".status.finishedAt", type="date", wide=True),
    )

    kind: Literal["FlowRun"] = "FlowRun"
    spec: FlowRunSpec
    status: FlowRunStatus | None = None
