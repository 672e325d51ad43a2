"""Model: which language model, where it is, how it is called; or a script that plays one."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.base import (
    URL_PATTERN,
    Duration,
    Expression,
    JsonObject,
    KeyRef,
    Model,
    PrinterColumn,
    Resource,
    Rule,
    Status,
    exactly_one_of,
)


class ModelParameters(Model):
    """Parameters of each request; what is not set is left to the provider."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """How freely tokens are drawn: 0 is the most likely one."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Draw from the most likely tokens of this total probability."""
    max_tokens: Annotated[int, Field(ge=1, le=10000000)] | None = None
    """The longest answer, in tokens."""
    seed: Annotated[int, Field(ge=0, le=4294967295)] | None = None
    """A seed, for providers that have one."""


class ApiKeySource(Model):
    """Where the key for the provider is."""

    secret_key_ref: KeyRef
    """A key of a Secret. When it changes, the pods that use it are rolled."""


class ScriptedToolCall(Model):
    """A call of a tool that the script asks for."""

    tool: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """The tool's name."""
    arguments: JsonObject = Field(default_factory=dict)
    """Its arguments; each string may hold `${...}`."""
    for_each: Expression | None = None
    """A CEL list: the tool is called once for each, which the arguments see as `item`."""


SCRIPT_VARIABLES: tuple[str, ...] = ("input", "message", "turn", "results")
"""What expressions of a script see; within `forEach` there is `item` too."""


class ScriptStep(Model):
    """One thing that a scripted model says."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("reply", "toolCalls", "error"),)

    when: Expression | None = None
    """CEL over what the model is shown; the first step that holds speaks. None: always.

    Variables: `input` (the first message, parsed when it is JSON), `message` (the last one's text),
    `turn` (model calls before this one in this piece of work), `results` (tool name to the list of its
    results, oldest first) and `item` (within `forEach`)."""
    reply: Annotated[str, StringConstraints(max_length=65536)] | None = None
    """The answer; it may hold `${...}`."""
    tool_calls: Annotated[list[ScriptedToolCall], Field(min_length=1, max_length=64)] | None = None
    """Tools to call before the next step."""
    error: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """Fail with this message, which may hold `${...}`, to try what happens then."""
    delay: Duration | None = None
    """How long it takes to say so."""


class ModelSpec(Model):
    """Which model, and how it is called."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.provider != 'Scripted' || has(self.script)",
            "provider Scripted needs a script to answer from",
            field="script",
        ),
        Rule(
            "self.provider == 'Scripted' || !has(self.script)",
            "only provider Scripted has a script",
            field="script",
        ),
        Rule(
            "self.provider == 'Scripted' || has(self.model)",
            "this provider needs the name of a model",
            field="model",
        ),
        Rule(
            "!(self.provider in ['OpenAICompatible', 'Ollama']) || has(self.baseURL)",
            "this provider needs the URL of the server, for example http://ollama:11434/v1",
            field="baseURL",
        ),
    )

    provider: Literal["OpenAI", "OpenAICompatible", "Ollama", "Scripted"]
    """Who serves the model. Scripted answers from `script`: free, offline and the same each time."""
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    """The provider's name of the model."""
    base_url: Annotated[str, StringConstraints(max_length=1024, pattern=URL_PATTERN)] | None = Field(
        default=None, alias="baseURL"
    )
    """Where the provider is, for one of your own."""
    api_key_from: ApiKeySource | None = None
    """The key for the provider."""
    parameters: ModelParameters | None = None
    """Parameters of each request."""
    timeout: Duration = "60s"
    """How long one request may take."""
    script: Annotated[list[ScriptStep], Field(min_length=1, max_length=200)] | None = None
    """What a Scripted model says."""


class ModelStatus(Status):
    """Whether the model can be used."""


class ModelResource(Resource):
    """A language model that agents and flows name, so that its key, place and parameters stand once."""

    plural: ClassVar[str] = "models"
    short: ClassVar[str] = "md"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Provider", ".spec.provider"),
        PrinterColumn("Model", ".spec.model"),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
    )

    kind: Literal["Model"] = "Model"
    spec: ModelSpec
    status: ModelStatus | None = None
