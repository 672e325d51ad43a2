"""The nodes of a Flow: what each does, and how it is retried, cached and mapped."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.agent import Visibility
from agent_runtime.api.base import (
    KEY_PATTERN,
    Duration,
    Expression,
    JsonValue,
    KeyRef,
    LocalRef,
    Model,
    Name,
    Rule,
    exactly_one_of,
)
from agent_runtime.api.blackboard import Label, TypeName

FUNCTION_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$"

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


class HeaderSource(Model):
    """A header whose value is a secret."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")]
    """The header's name."""
    secret_key_ref: KeyRef
    """A key of a Secret that holds its value."""


class HttpWork(Model):
    """One HTTP request. `input` is its body, as JSON, unless the method has none."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """The URL; it may hold `${...}`."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    """The method. Every request carries an `Idempotency-Key`, the same on each attempt."""
    headers: Annotated[
        dict[str, Annotated[str, StringConstraints(max_length=4096)]], Field(max_length=32)
    ] = Field(default_factory=dict)
    """Headers; values may hold `${...}`."""
    headers_from: Annotated[list[HeaderSource], Field(max_length=16)] = Field(default_factory=list)
    """Headers with secret values."""
    expect: Annotated[list[Annotated[int, Field(ge=100, le=599)]], Field(max_length=32)] = Field(
        default_factory=list
    )
    """Statuses that are a success; none: 200 to 299."""


class PythonWork(Model):
    """A function of your own: in a module of the image, or beside the manifests on the laptop."""

    function: Annotated[str, StringConstraints(pattern=FUNCTION_PATTERN, max_length=253)]
    """`package.module:function`, plain or async. `input` holds its keyword arguments."""


class PublishWork(Model):
    """One artifact, published on a Blackboard by the flow."""

    blackboard: Name
    """The Blackboard."""
    type: TypeName
    """One of its artifact types."""
    version: Annotated[int, Field(ge=1, le=1000000)] | None = None
    """The version of the type; none: the newest."""
    payload: JsonValue
    """An object that fits the type's schema, or `${...}` that yields one; each string may hold `${...}`."""
    tags: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=1024)]], Field(max_length=64)
    ] = Field(default_factory=list)
    """Tags; each may hold `${...}`."""
    visibility: Visibility | None = None
    """Who may see it; none: everybody."""
    correlation: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """What it belongs to; it may hold `${...}`. None: the artifact's own id."""
    partition: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """Its partition; it may hold `${...}`."""
    tenant: Label | None = None
    """The tenant that the flow publishes for; none: no tenant."""


class Branch(Model):
    """A condition and the action to take when it holds."""

    when: Expression
    """CEL over `params` and `shared`."""
    action: Action
    """The action taken."""


class MapOver(Model):
    """Do the node's work for each item of a list; the output is the list of results, in order."""

    over: Template
    """`${...}` that yields the list."""
    as_: Key = Field(default="item", alias="as")
    """What expressions of the node call the item; `index` is its place in the list."""
    parallelism: Annotated[int, Field(ge=1, le=1000)] = 10
    """Items at once."""
    isolation: Literal["Inline", "Job"] = "Inline"
    """Inline: in the process of the run. Job: a pod for each item, as an indexed Job."""
    max_items: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """A longer list fails the node instead of filling the memory."""


class Reduce(Model):
    """Make one value of the results of a mapped node."""

    from_: Name = Field(alias="from")
    """The node whose output, a list, is taken."""
    with_: Template = Field(alias="with")
    """The value: `${...}` over `items`, `params` and `shared`."""


class Wait(Model):
    """Let time pass. A long wait ends the process; the run goes on by itself when it is due."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("duration", "until"),)

    duration: Duration | None = None
    """For this long, from the moment the node was reached."""
    until: Template | None = None
    """Until this time: `${...}` or text, RFC 3339."""


class Approve(Model):
    """Ask a person. The process ends; the answer, one of the actions, lets the run go on."""

    prompt: Template
    """What the person is asked; it may hold `${...}`."""
    timeout: Duration | None = None
    """How long to wait; then the action `timeout` is taken, or the node fails when `next` has none."""
    actions: Annotated[list[Action], Field(min_length=1, max_length=16)] = ["approve", "reject"]
    """What the person may answer."""


class NodeRetry(Model):
    """How a node that failed is tried again."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 1
    """Attempts in all."""
    wait: Duration = "1s"
    """The wait between two attempts."""


class Fallback(Model):
    """What a node yields when every attempt failed."""

    value: JsonValue
    """The node's output then; of a mapped node the item's."""


class NodeCache(Model):
    """Keep the result: the same work on the same input is not done again."""

    ttl: Duration
    """For how long."""


WORKS = ("agent", "llm", "tool", "http", "python", "flow", "publish", "reduce", "branch", "wait", "approve")
"""The kinds of work; a node has exactly one."""
MAPPABLE = ("agent", "llm", "tool", "http", "python", "flow", "publish")
"""The kinds that `map` can repeat."""
CACHEABLE = ("agent", "llm", "tool", "http", "python")
"""The kinds whose result `cache` can keep: not what is done for its effect."""


class FlowNode(Model):
    """One step: exactly one kind of work, and what comes after it."""

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one_of(*WORKS),
        Rule(
            f"!has(self.map) || {' || '.join(f'has(self.{work})' for work in MAPPABLE)}",
            f"only {', '.join(MAPPABLE)} can be mapped",
            field="map",
        ),
        Rule(
            f"!has(self.cache) || {' || '.join(f'has(self.{work})' for work in CACHEABLE)}",
            f"only {', '.join(CACHEABLE)} can be cached",
            field="cache",
        ),
    )

    name: Name
    """The node's name, unique in the flow."""
    agent: Name | None = None
    """Ask this Agent; `input` is the message, or an object that is given as JSON."""
    llm: LlmWork | None = None
    """Ask a model."""
    tool: ToolWork | None = None
    """Call a tool."""
    http: HttpWork | None = None
    """Send an HTTP request; its answer is the output: JSON, or text."""
    python: PythonWork | None = None
    """Call a function."""
    flow: Name | None = None
    """Run this Flow within the run; `input` holds its parameters, its result is the output."""
    publish: PublishWork | None = None
    """Publish an artifact; the output is `{blackboard, id, type, version, correlation, createdAt}`."""
    reduce: Reduce | None = None
    """Make one value of many."""
    branch: Annotated[list[Branch], Field(min_length=1, max_length=32)] | None = None
    """Take the action of the first condition that holds, else `default`."""
    wait: Wait | None = None
    """Let time pass."""
    approve: Approve | None = None
    """Ask a person; the answer is the action, and the output `{action, comment, by}`."""
    map: MapOver | None = None
    """Do the work for each item of a list."""
    input: JsonValue = None
    """What the work is given; each string may hold `${...}` over `params` and `shared`."""
    output: Key | None = None
    """The key of the shared store that takes the result; none: the node's name with `_` for `-`."""
    next: Annotated[dict[Action, Annotated[str, StringConstraints(max_length=63)]], Field(max_length=32)] = (
        Field(default_factory=dict)
    )
    """Action to node. An action that is not there ends the flow."""
    retry: NodeRetry = Field(default_factory=NodeRetry)
    """How it is tried again; of a mapped node each item by itself."""
    fallback: Fallback | None = None
    """What it yields when it failed for good; none: the run fails."""
    timeout: Duration = "120s"
    """How long one attempt may take."""
    cache: NodeCache | None = None
    """Keep the result for a while."""

    @property
    def work(self) -> str:
        """Which kind of work it does, of `WORKS`."""
        return next(work for work in WORKS if getattr(self, work) is not None)

    @property
    def key(self) -> str:
        """The key of the shared store that takes its output."""
        return self.output or self.name.replace("-", "_")
