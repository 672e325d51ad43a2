"""Flow: a graph of nodes; what one returns as its action picks the next."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.base import (
    KEY_PATTERN,
    Duration,
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

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN, max_length=63)]
Template = Annotated[str, StringConstraints(max_length=65536)]
Action = Annotated[str, StringConstraints(min_length=1, max_length=63)]


class LlmWork(Model):
    """One request to a model."""

    model: LocalRef
    """The Model."""
    prompt: Template
    """What it is asked; it may hold `${...}`."""
    instructions: Template | None = None
    """What it is told before that."""


class ToolWork(Model):
    """One call of a tool of the runtime."""

    builtin: Literal["calculator", "clock", "list_files", "read_file", "search_files", "count_words", "quote"]
    """The tool; `input` holds its arguments."""


class Branch(Model):
    """A condition and the action to take when it holds."""

    when: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """CEL over `params` and `shared`."""
    action: Action
    """The action taken."""


class NodeRetry(Model):
    """How a node that failed is tried again."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 1
    """Attempts in all."""
    wait: Duration = "1s"
    """The wait between two attempts."""


class Fallback(Model):
    """What a node yields when every attempt failed."""

    value: JsonValue
    """The node's output then."""


class FlowNode(Model):
    """One step: exactly one kind of work, and what comes after it."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("agent", "llm", "tool", "branch"),)

    name: Name
    """The node's name, unique in the flow."""
    agent: Name | None = None
    """Ask this Agent; `input` is the message, or an object that is given as JSON."""
    llm: LlmWork | None = None
    """Ask a model."""
    tool: ToolWork | None = None
    """Call a tool."""
    branch: Annotated[list[Branch], Field(min_length=1, max_length=32)] | None = None
    """Take the action of the first condition that holds, else `default`."""
    input: JsonValue = None
    """What the work is given; each string may hold `${...}` over `params` and `shared`."""
    output: Key | None = None
    """The key of the shared store that takes the result; none: the node's name with `_` for `-`."""
    next: Annotated[dict[Action, Annotated[str, StringConstraints(max_length=63)]], Field(max_length=32)] = (
        Field(default_factory=dict)
    )
    """Action to node. An action that is not there ends the flow."""
    retry: NodeRetry = Field(default_factory=NodeRetry)
    """How it is tried again."""
    fallback: Fallback | None = None
    """What it yields when it failed for good; none: the run fails."""
    timeout: Duration = "120s"
    """How long one attempt may take."""


class RunSettings(Model):
    """How runs of this flow are run."""

    ttl_after_finished: Duration = "1h"
    """How long the Job and its pods are kept after the end."""
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """How many pods may fail before the run does."""
    deadline: Duration = "1h"
    """How long a run may take in all."""


class FlowSpec(Model):
    """The graph and its parameters."""

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


class FlowStatus(Status):
    """Whether the flow can be run."""

    nodes: int | None = None
    """How many nodes it has."""


class FlowResource(Resource):
    """A graph of nodes that share a store; runs of it are FlowRuns."""

    plural: ClassVar[str] = "flows"
    short: ClassVar[str] = "fl"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Start", ".spec.start"),
        PrinterColumn("Nodes", ".status.nodes", type="integer"),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
    )

    kind: Literal["Flow"] = "Flow"
    spec: FlowSpec
    status: FlowStatus | None = None
