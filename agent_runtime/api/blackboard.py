"""Blackboard: where agents publish typed artifacts and consume each other's."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.backup import Backup
from agent_runtime.api.base import (
    TYPE_PATTERN,
    Duration,
    Expression,
    JsonObject,
    LocalRef,
    Model,
    PrinterColumn,
    Resource,
    Rule,
    Status,
    exactly_one_of,
)
from agent_runtime.api.common import PodSettings
from agent_runtime.api.databases import Store, Vector
from agent_runtime.api.event_log import EventLog

TypeName = Annotated[str, StringConstraints(pattern=TYPE_PATTERN, max_length=128)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Reading(Model):
    """How a payload of an older version is read as one of this version."""

    version: Annotated[int, Field(ge=1, le=1000000)]
    """The older version."""
    set_: Annotated[dict[str, Expression], Field(max_length=64)] = Field(default_factory=dict, alias="set")
    """Fields and their values: CEL over `payload`, the older one."""
    drop: Annotated[list[Annotated[str, StringConstraints(max_length=128)]], Field(max_length=64)] = Field(
        default_factory=list
    )
    """Fields of the older payload that this version has no more."""


class ArtifactType(Model):
    """A type that artifacts may have."""

    name: TypeName
    """The type's name, by which agents consume and publish it."""
    version: Annotated[int, Field(ge=1, le=1000000)] = 1
    """The version of its schema."""
    schema_: JsonObject = Field(alias="schema")
    """JSON Schema (draft 2020-12) of the payload; an artifact that does not fit is refused."""
    description: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """What it is, for people and for models."""
    reads: Annotated[
        list[Reading],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["version"]},
        ),
    ] = Field(default_factory=list)
    """How payloads of older versions are read, by agents that know this one."""


class BoardLimits(Model):
    """Bounds; what goes past them is refused with 413 or 429."""

    max_payload: Annotated[int, Field(ge=1024, le=16777216)] = 262144
    """The largest payload, in bytes of JSON."""
    pending: Annotated[int, Field(ge=1, le=10000000)] = 100000
    """Deliveries that may wait in one subscription's inbox before publishing is refused."""
    publish_per_second: Annotated[int, Field(ge=1, le=1000000)] = 10000
    """Artifacts that one server takes per second, and at once after a pause of a second."""
    streams: Annotated[int, Field(ge=1, le=100000)] = 5000
    """Streams that one server keeps open, and as many calls for deliveries; a tenth for one caller."""


class Lease(Model):
    """How deliveries are handed out and taken back."""

    ttl: Duration = "30s"
    """How long an agent may be silent before its delivery goes to another."""
    max_deliveries: Annotated[int, Field(ge=1, le=100)] = 5
    """Attempts before a delivery goes to the dead letters."""


class Retention(Model):
    """How long artifacts are kept. What is still to be delivered, or is a dead letter, is kept longer."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.maxAge) || self.maxAge.matches('[1-9][0-9]*(d|h|m([0-9]|$))')",
            "want at least a minute, in days, hours or minutes, such as 90m or 30d",
            field="maxAge",
        ),
    )

    max_age: Duration | None = None
    """Older ones are deleted; nothing said: none for its age."""
    max_artifacts: Annotated[int, Field(ge=1, le=1000000000)] | None = None
    """Beyond so many the oldest are deleted; nothing said: none for its number."""


class BoardServer(Model):
    """The blackboard's server."""

    replicas: Annotated[int, Field(ge=0, le=100)] = 1
    """How many of them."""
    pod: PodSettings | None = None
    """Their pods."""


class Embedding(Model):
    """What turns texts into vectors, to tell what is similar."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("builtin", "model"),)

    builtin: Literal["MiniLM"] | None = None
    """MiniLM: all-MiniLM-L6-v2 in the server's process, for English."""
    model: LocalRef | None = None
    """A Model whose provider embeds; a Scripted one counts words."""


class BlackboardSpec(Model):
    """Where artifacts are kept, which types there are, and the bounds."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.store.redis) == has(oldSelf.store.redis) && "
            "has(self.store.postgres) == has(oldSelf.store.postgres)",
            "the kind of store cannot change: create another Blackboard and move the artifacts",
            field="store",
        ),
        Rule(
            "!has(self.vector) || !has(self.vector.pgvector.sameAsStore) || has(self.store.postgres)",
            "sameAsStore needs a store that is a Postgres: take managed or external, or store.postgres",
            field="vector.pgvector",
        ),
        Rule(
            "!has(self.backup) || !has(self.store.memory)",
            "a store in memory cannot be copied from outside: take store.redis or store.postgres",
            field="backup",
        ),
        Rule(
            "!has(self.eventLog) || !has(self.eventLog.redis) || has(self.eventLog.redis.urlFrom) || "
            "has(self.store.redis)",
            "there is no Redis to keep the log in: give its urlFrom, or take store.redis",
            field="eventLog.redis",
        ),
    )

    store: Store
    """Where artifacts are kept. On the laptop every store is SQLite, whatever stands here."""
    vector: Vector | None = None
    """Where vectors are kept."""
    backup: Backup | None = None
    """When copies are made, and where they go."""
    event_log: EventLog | None = None
    """Where a record is kept of all that happens; nothing said: nowhere. On the laptop there is none."""
    artifact_types: Annotated[
        list[ArtifactType],
        Field(
            min_length=1,
            max_length=256,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name", "version"],
            },
        ),
    ]
    """The types that artifacts may have."""
    limits: BoardLimits = Field(default_factory=BoardLimits)
    """Bounds."""
    lease: Lease = Field(default_factory=Lease)
    """How deliveries are handed out."""
    isolation: Literal["Strict", "Log"] | None = None
    """Tenants. Strict: each sees only what is its own. Log: what Strict would refuse is done, and logged.

    Nothing said: the visibility of each artifact decides alone.
    """
    retention: Retention = Field(default_factory=Retention)
    """How long artifacts are kept."""
    embedding: Embedding | None = None
    """What `similarTo` compares with; without it no agent can ask for what is similar."""
    server: BoardServer = Field(default_factory=BoardServer)
    """The server."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """Whether the volumes of managed databases outlive the Blackboard."""


class BlackboardStatus(Status):
    """How the blackboard is doing."""

    store_ready: bool | None = None
    """Whether the store answers."""
    vector_ready: bool | None = None
    """Whether the database of vectors answers; absent where there is none, or none of ours to look at."""
    replicas: int | None = None
    """Servers that are ready."""
    url: str | None = None
    """Where agents reach it."""


class BlackboardResource(Resource):
    """A place for typed, immutable artifacts, from which those who may see them are fed."""

    plural: ClassVar[str] = "blackboards"
    short: ClassVar[str] = "bb"
    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Store", ".status.storeReady", type="boolean"),
        PrinterColumn("Servers", ".status.replicas", type="integer"),
        PrinterColumn("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=True),
        PrinterColumn("URL", ".status.url", wide=True),
    )

    kind: Literal["Blackboard"] = "Blackboard"
    spec: BlackboardSpec
    status: BlackboardStatus | None = None
