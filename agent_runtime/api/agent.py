"""Agent: instructions, a model, tools and a place on the blackboard, run as a Deployment."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from agent_runtime.api.base import (
    Duration,
    Expression,
    KeyRef,
    LocalRef,
    Model,
    Name,
    PrinterColumn,
    Resource,
    Rule,
    Status,
    at_most_one_of,
    exactly_one_of,
)
from agent_runtime.api.blackboard import Label, TypeName
from agent_runtime.api.common import PodSettings, Retry


class InstructionsSource(Model):
    """Where instructions that are too long or too shared for the manifest are."""

    config_map_key_ref: KeyRef
    """A key of a ConfigMap. When it changes, the agent's pods are rolled."""


class ToolRef(Model):
    """A tool that the agent may call."""

    builtin: Literal["calculator", "clock", "list_files", "read_file", "search_files", "count_words", "quote"]
    """A tool of the runtime itself. Those about files see the agent's input folder only."""


class Memory(Model):
    """What the agent remembers of a session."""

    window: Annotated[int, Field(ge=0, le=1000)] = 20
    """Messages of a session that are shown to the model."""
    ttl: Duration = "1h"
    """How long a silent session is kept, in the memory of one replica: a restart ends it sooner."""
    max_sessions: Annotated[int, Field(ge=1, le=100000)] = 1000
    """Sessions that are kept; the one silent for longest goes first."""


class AgentLimits(Model):
    """Bounds of one piece of work."""

    max_steps: Annotated[int, Field(ge=1, le=1000)] = 12
    """Model calls for one piece of work."""
    timeout: Duration = "120s"
    """How long one piece of work may take."""
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] = 8
    """Pieces of work at once in one replica."""


class Output(Model):
    """The shape of what the agent produces."""

    type: TypeName
    """An artifact type of its blackboard: the answer must fit its schema."""


class Count(Model):
    """How many artifacts of a type a join takes."""

    type: TypeName
    """One of the entry's types."""
    count: Annotated[int, Field(ge=1, le=100)]
    """How many of it."""


class Join(Model):
    """Artifacts of several types that are worked on together."""

    kind: Literal["AllOf"] = "AllOf"
    """AllOf: as many of each type as `counts` says."""
    window: Duration
    """How long after its first artifact a set waits for the others."""
    by: Expression = "correlation"
    """CEL over what `where` knows, whose value must be equal for artifacts to belong together."""
    counts: Annotated[
        list[Count],
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = Field(default_factory=list)
    """How many artifacts of a type a set takes; one of those that are not named."""
    on_timeout: Literal["DeadLetter", "Deliver", "Drop"] = "DeadLetter"
    """What becomes of a set that is not complete in time: a dead letter, delivered as it is, or gone."""


class Batch(Model):
    """Artifacts, or joined sets of them, that are worked on at once."""

    size: Annotated[int, Field(ge=1, le=1000)]
    """How many make a batch."""
    within: Duration
    """How long after its first one a batch waits to be full; then it is delivered as it is."""


class SimilarTo(Model):
    """Artifacts whose text means something like this."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """What it is compared with."""
    min_score: Annotated[float, Field(ge=-1, le=1)] = 0.6
    """The least cosine similarity of the two texts' embeddings, from -1 to 1."""


class Consumes(Model):
    """Artifacts that set the agent to work."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.join) || !has(self.join.counts) || self.join.counts.all(c, c.type in self.types)",
            "a type that is counted must be one of the types",
            field="join.counts",
        ),
    )

    types: Annotated[list[TypeName], Field(min_length=1, max_length=32)]
    """Any of these types."""
    where: Expression | None = None
    """CEL over `payload`, `tags`, `type`, `producer`, `correlation` and `partition`: must hold."""
    from_: Annotated[list[Name], Field(max_length=64)] | None = Field(default=None, alias="from")
    """Producers; none: anybody."""
    tags: Annotated[list[Label], Field(max_length=64)] | None = None
    """Tags of which the artifact has at least one; none: any artifact."""
    similar_to: SimilarTo | None = None
    """What the artifact must mean; the blackboard needs an `embedding` for it."""
    join: Join | None = None
    """Wait until there is one of each type, and work on them together."""
    batch: Batch | None = None
    """Wait for several, or several joined sets, and work on them together."""
    delivery: Literal["Exclusive", "Shared"] = "Shared"
    """Exclusive: one agent of all that match gets it. Shared: each of them does."""
    mode: Literal["Events", "Direct", "Both"] = "Both"
    """Events: by publishing. Direct: when asked by name. Both: either."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Higher goes first."""


class PrivateVisibility(Model):
    """Only the named agents; an empty list is nobody."""

    agents: Annotated[list[Name], Field(max_length=256)]
    """Their names."""


class LabelledVisibility(Model):
    """Only who carries all of these labels; an empty list is everybody."""

    labels: Annotated[list[Label], Field(max_length=64)]
    """Labels that it takes."""


class TenantVisibility(Model):
    """Only who belongs to the tenant."""

    rules: ClassVar[tuple[Rule, ...]] = (at_most_one_of("tenant", "any"),)

    tenant: Annotated[str, StringConstraints(max_length=128)] | None = None
    """The tenant; none: the producer's own."""
    any_: bool | None = Field(default=None, alias="any")
    """Whoever belongs to a tenant, whichever it is."""


class PublicVisibility(Model):
    """Everybody."""


class PlainVisibility(Model):
    """Who may see an artifact, whatever the time."""

    model_config = ConfigDict(frozen=True)

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("public", "private", "labelled", "tenant"),)

    public: PublicVisibility | None = None
    """Everybody."""
    private: PrivateVisibility | None = None
    """Named agents."""
    labelled: LabelledVisibility | None = None
    """Who carries the labels."""
    tenant: TenantVisibility | None = None
    """Who belongs to the tenant."""


class AfterVisibility(Model):
    """Nobody until a time has passed since the artifact was made."""

    ttl: Duration
    """How long it is under embargo."""
    then: PlainVisibility | None = None
    """Who may see it after that; none: everybody."""


class SingleVisibility(PlainVisibility):
    """One kind of visibility."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("public", "private", "labelled", "tenant", "after"),)

    after: AfterVisibility | None = None
    """Everybody or some, later."""


class Visibility(SingleVisibility):
    """Who may see an artifact."""

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one_of("public", "private", "labelled", "tenant", "after", "allOf", "anyOf"),
    )

    all_of: Annotated[list[SingleVisibility], Field(min_length=1, max_length=16)] | None = None
    """Who may see it by each of these."""
    any_of: Annotated[list[SingleVisibility], Field(min_length=1, max_length=16)] | None = None
    """Who may see it by at least one of these."""


class Publishes(Model):
    """Artifacts that the agent produces."""

    type: TypeName
    """Their type."""
    visibility: Visibility | None = None
    """Who may see them; none: everybody."""
    tags: Annotated[list[Label], Field(max_length=64)] | None = None
    """Tags that they get."""
    fan_out: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most artifacts of one piece of work, when the answer is a list; none: exactly one artifact."""


class OnBlackboard(Model):
    """The agent's place on a blackboard."""

    name: Name
    """The Blackboard."""
    labels: Annotated[list[Label], Field(max_length=64)] = Field(default_factory=list)
    """Labels that the agent carries, for labelled artifacts."""
    tenant: Annotated[str, StringConstraints(max_length=128)] | None = None
    """The tenant that it belongs to."""
    consumes: Annotated[list[Consumes], Field(max_length=32)] = Field(default_factory=list)
    """What sets it to work."""


class NoAuth(Model):
    """Anybody who reaches the agent may use it. Saying so is the only way to get it."""


class Auth(Model):
    """Who may call the agent. When absent, callers bring the token of the agent's Secret."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.none)", "say none: {} to let anybody in, or leave auth out to ask for the token"),
    )

    none: NoAuth | None = None
    """Anybody."""


class Serving(Model):
    """How the agent is reached."""

    auth: Auth | None = None
    """Who may call it; when absent, who has the token of the agent's Secret."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Pods."""


class AgentSpec(Model):
    """What the agent is told, what it may use and how it is run."""

    rules: ClassVar[tuple[Rule, ...]] = (
        at_most_one_of("instructions", "instructionsFrom"),
        Rule(
            "self.pattern != 'Chat' || !has(self.tools) || size(self.tools) == 0",
            "pattern Chat calls no tools: take ReAct, or leave tools out",
            field="pattern",
        ),
        Rule(
            "!has(self.publishes) || size(self.publishes) == 0 || has(self.blackboard)",
            "publishes needs a blackboard, to publish on",
            field="blackboard",
        ),
        Rule(
            "!has(self.output) || has(self.blackboard)",
            "output.type needs a blackboard, which defines the type",
            field="blackboard",
        ),
    )

    description: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """What the agent is for, for people and for other agents."""
    instructions: Annotated[str, StringConstraints(max_length=262144)] | None = None
    """What the model is told before anything else."""
    instructions_from: InstructionsSource | None = None
    """Where the instructions are, when not in the manifest."""
    pattern: Literal["Chat", "ReAct"] = "Chat"
    """Chat: one answer. ReAct: the model reasons, calls tools, observes, and repeats until it answers."""
    model: LocalRef
    """The Model."""
    tools: Annotated[list[ToolRef], Field(max_length=64)] = Field(default_factory=list)
    """What it may call."""
    memory: Memory = Field(default_factory=Memory)
    """What it remembers of a session."""
    limits: AgentLimits = Field(default_factory=AgentLimits)
    """Bounds of one piece of work."""
    output: Output | None = None
    """The shape of what it produces."""
    retry: Retry = Field(default_factory=Retry)
    """How failed work is tried again."""
    blackboard: OnBlackboard | None = None
    """Its place on a blackboard."""
    publishes: Annotated[list[Publishes], Field(max_length=32)] = Field(default_factory=list)
    """What it puts there."""
    serving: Serving = Field(default_factory=Serving)
    """How it is reached."""
    pod: PodSettings | None = None
    """Its pods."""
    suspend: bool = False
    """Take it out of service and keep everything else."""


class AgentStatus(Status):
    """How the agent is doing."""

    replicas: int | None = None
    """Pods that there are."""
    ready_replicas: int | None = None
    """Pods that are ready."""
    selector: str | None = None
    """The pods' label selector, for autoscalers."""
    url: str | None = None
    """Where it is reached within the cluster."""


class AgentResource(Resource):
    """An agent: instructions, a model, tools and a place on a blackboard."""

    plural: ClassVar[str] = "agents"
    short: ClassVar[str] = "ag"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Pattern", ".spec.pattern"),
        PrinterColumn("Model", ".spec.model.name"),
        PrinterColumn("Replicas", ".status.readyReplicas", type="integer"),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
        PrinterColumn("URL", ".status.url", wide=True),
    )
    scale: ClassVar[dict[str, str] | None] = {
        "specReplicasPath": ".spec.serving.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }

    kind: Literal["Agent"] = "Agent"
    spec: AgentSpec
    status: AgentStatus | None = None
