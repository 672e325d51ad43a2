"""What the processes of the runtime read: the compiled form of resources, as JSON.

The operator writes it into a ConfigMap, the laptop hands it over in memory; the runtime never sees a
manifest. Secrets are not in it: it names the environment variable that carries each.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent_runtime.api.agent import AgentLimits, Consumes, Memory, Publishes, ToolRef
from agent_runtime.api.base import Model
from agent_runtime.api.blackboard import ArtifactType, BoardLimits, Lease, Retention
from agent_runtime.api.common import Retry
from agent_runtime.api.flow import Graph
from agent_runtime.api.model import ModelParameters, ScriptStep
from agent_runtime.auth.issuer import Issuer


class ModelConfig(Model):
    """A Model as the runtime calls it."""

    name: str
    provider: Literal["OpenAI", "OpenAICompatible", "Ollama", "Scripted"]
    model: str = ""
    base_url: str | None = None
    api_key_env: str | None = None
    """The environment variable that holds the key; None: no key."""
    parameters: ModelParameters = Field(default_factory=ModelParameters)
    timeout_seconds: float = 60.0
    script: list[ScriptStep] = Field(default_factory=list)


class BoardAccess(Model):
    """How an agent reaches its blackboard, and what it does there."""

    name: str
    url: str
    """Base URL of the server; the laptop ignores it."""
    token_env: str = "COVEY_BLACKBOARD_TOKEN"  # the name of a variable
    """The environment variable that holds the agent's grant: what it may see there."""
    token_file: str | None = None
    """The file with the token by which the pod proves itself; None: the grant alone must do."""
    labels: list[str] = Field(default_factory=list)
    tenant: str | None = None
    consumes: list[Consumes] = Field(default_factory=list)
    lease_seconds: float = 30.0


class AgentConfig(Model):
    """One agent, ready to run."""

    kind: Literal["Agent"] = "Agent"
    name: str
    namespace: str
    description: str = ""
    instructions: str = ""
    pattern: Literal["Chat", "ReAct"] = "Chat"
    model: ModelConfig
    tools: list[ToolRef] = Field(default_factory=list)
    memory: Memory = Field(default_factory=Memory)
    limits: AgentLimits = Field(default_factory=AgentLimits)
    retry: Retry = Field(default_factory=Retry)
    output: ArtifactType | None = None
    """The type whose schema the answer must fit; None: text."""
    blackboard: BoardAccess | None = None
    publishes: list[Publishes] = Field(default_factory=list)
    types: list[ArtifactType] = Field(default_factory=list)
    """What it publishes: the newest version of each type, which the model is shown. Sorted by name."""
    consumed: dict[str, str] = Field(default_factory=dict)
    """What it consumes: the descriptions of the types that have one, by name, which the model is shown."""
    token_env: str | None = "COVEY_AGENT_TOKEN"  # the name of a variable
    """The environment variable with the token that callers must bring; None: anybody may call."""

    def manifest(self) -> dict[str, Any]:
        """As every model's, but the token's absence is said: left out it would read as the default."""
        return {**super().manifest(), "tokenEnv": self.token_env}


class EmbeddingConfig(Model):
    """What turns texts into vectors."""

    model: ModelConfig | None = None
    """None: MiniLM in the process."""


class EventLogConfig(Model):
    """Where a board's events go."""

    url: str | None = None
    """nats://, tls://, kafka:// or kafkas://, without a password."""
    url_env: str | None = None
    """The environment variable with the URL, when that is not in `url`."""
    max_length: int | None = None
    """Of Redis streams: about how many entries each keeps."""


class BlackboardConfig(Model):
    """One blackboard server, ready to run."""

    kind: Literal["Blackboard"] = "Blackboard"
    name: str
    namespace: str
    store: Literal["memory", "sqlite", "redis", "postgres"]
    url_env: str | None = None
    """The environment variable with the store's URL; None for memory."""
    vectors_url_env: str | None = None
    """The environment variable with the URL of the Postgres that keeps vectors; None: there is none."""
    key_env: str = "COVEY_BLACKBOARD_KEY"
    """The environment variable with the key that callers' grants are signed with."""
    issuer: Issuer | None = None
    """Of the tokens by which agents' pods prove themselves; None: whoever has an agent's grant is let in."""
    types: list[ArtifactType]
    limits: BoardLimits = Field(default_factory=BoardLimits)
    lease: Lease = Field(default_factory=Lease)
    isolation: Literal["Strict", "Log"] | None = None
    """How tenants are kept apart; None: the visibility of each artifact decides alone."""
    retention: Retention = Field(default_factory=Retention)
    embedding: EmbeddingConfig | None = None
    """None: the board cannot tell what is similar."""
    event_log: EventLogConfig | None = None
    """None: no log is kept."""


class AgentAccess(Model):
    """How a run reaches an agent."""

    url: str
    """Base URL; the laptop ignores it."""
    token_env: str | None = None
    """The environment variable with the agent's token; None: it asks for none."""


class PublishAccess(Model):
    """How a run publishes on a blackboard."""

    blackboard: str
    tenant: str | None = None
    """The tenant for which it publishes."""
    url: str
    """Base URL of the server; the laptop ignores it."""
    token_env: str
    """The environment variable that holds the flow's grant."""
    token_file: str | None = None
    """The file with the token by which the pod proves itself; None: the grant alone must do."""


class RunStoreAccess(Model):
    """How a process reaches the run store: the server that keeps checkpoints and queues."""

    url: str
    """Base URL; the laptop ignores it."""
    token_env: str = "COVEY_RUN_TOKEN"  # the name of a variable
    """The environment variable with the token."""


def run_id(namespace: str, name: str, uid: str) -> str:
    """What the run store calls a run: one created again under an old name is another."""
    return f"{namespace}/{name}/{uid}"


class ForkSource(Model):
    """The boundary of another run from which a run goes on."""

    run: str
    """The other run's id in the store."""
    at: int | None = None
    """The boundary; None: the latest."""


class EnvFromSecret(Model):
    """An environment variable that takes its value from a key of a Secret."""

    env: str
    secret: str
    key: str


class RunConfig(Model):
    """One run of a flow, ready to run."""

    kind: Literal["FlowRun"] = "FlowRun"
    name: str
    namespace: str
    uid: str = ""
    flow_name: str
    flow: Graph
    flows: dict[str, Graph] = Field(default_factory=dict)
    """The flows that nodes run within this one, by name."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Checked and completed with their defaults."""
    models: dict[str, ModelConfig] = Field(default_factory=dict)
    """By the Model's name."""
    agents: dict[str, AgentAccess] = Field(default_factory=dict)
    """By the Agent's name."""
    publisher: str | None = None
    """Who it is on blackboards; None: it publishes on none."""
    boards: list[PublishAccess] | None = None
    """Where it publishes."""
    store: RunStoreAccess | None = None
    """Where its checkpoints are kept; None: nowhere, a process that is killed begins anew."""
    fork_of: ForkSource | None = None
    """Where it goes on from, when that is not the start."""
    secrets: list[EnvFromSecret] = Field(default_factory=list)
    """The environment that each of its processes needs."""
    headers_env: str | None = None
    """The environment variable with the values of the headers, which are empty here; None: they are not."""
    traceparent: str | None = None
    """The trace that it goes on with; None: one of its own."""

    @property
    def run_id(self) -> str:
        """What the run store calls it."""
        return run_id(self.namespace, self.name, self.uid)


class WorkerConfig(Model):
    """A warm worker of a flow, ready to take runs."""

    kind: Literal["FlowWorker"] = "FlowWorker"
    name: str
    """The Flow."""
    namespace: str
    concurrency: int = 1
    """Runs at once."""
    boards: list[PublishAccess] | None = None
    """Where its runs publish."""
    store: RunStoreAccess

    @property
    def queue(self) -> str:
        """The queue that it takes runs from."""
        return f"{self.namespace}/{self.name}"


RuntimeConfig = Annotated[
    AgentConfig | BlackboardConfig | RunConfig | WorkerConfig, Field(discriminator="kind")
]
