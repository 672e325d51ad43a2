"""Blackboard: where agents publish typed artifacts and consume each other's."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.base import (
    QUANTITY_PATTERN,
    TYPE_PATTERN,
    Duration,
    JsonObject,
    KeyRef,
    Model,
    PrinterColumn,
    Resource,
    Rule,
    Status,
    exactly_one_of,
)
from agent_runtime.api.common import PodSettings

TypeName = Annotated[str, StringConstraints(pattern=TYPE_PATTERN, max_length=128)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=128)]


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


class RedisManaged(Model):
    """A Redis that the operator runs, with a volume."""

    storage: Annotated[str, StringConstraints(pattern=QUANTITY_PATTERN, max_length=32)] = "1Gi"
    """Size of its volume."""
    storage_class_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """Storage class of its volume."""
    pod: PodSettings | None = None
    """Its pod."""


class UrlSource(Model):
    """Where a connection URL is."""

    secret_key_ref: KeyRef
    """A key of a Secret that holds the URL with its credentials."""


class RedisExternal(Model):
    """A Redis that is there already."""

    url_from: UrlSource
    """Its URL, such as redis://:password@host:6379/0."""


class RedisStore(Model):
    """Redis as the store: ours or yours."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("managed", "external"),)

    managed: RedisManaged | None = None
    """One that the operator runs."""
    external: RedisExternal | None = None
    """One that is there already."""


class PostgresExternal(Model):
    """A Postgres that is there already."""

    url_from: UrlSource
    """Its URL, such as postgresql://user:password@host:5432/database. Its user may make a schema there."""


class PostgresStore(Model):
    """Postgres as the store: yours. Several blackboards may share a database."""

    external: PostgresExternal
    """One that is there already."""


class MemoryStore(Model):
    """In the server's memory: for trying things out; a restart forgets everything."""


class Store(Model):
    """Where artifacts are kept. On the laptop every store is SQLite."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("redis", "postgres", "memory"),)

    redis: RedisStore | None = None
    """Redis."""
    postgres: PostgresStore | None = None
    """Postgres."""
    memory: MemoryStore | None = None
    """The server's memory."""

    @property
    def kind(self) -> Literal["redis", "postgres", "memory"]:
        """Which one it is."""
        if self.redis is not None:
            return "redis"
        return "postgres" if self.postgres is not None else "memory"

    @property
    def url_from(self) -> tuple[str, UrlSource] | None:
        """For a store that is there already: the field, below `spec`, and where its URL is."""
        if self.redis is not None and self.redis.external is not None:
            return "store.redis.external.urlFrom", self.redis.external.url_from
        if self.postgres is not None:
            return "store.postgres.external.urlFrom", self.postgres.external.url_from
        return None


class BoardLimits(Model):
    """Bounds; what goes past them is refused with 413 or 429."""

    max_payload: Annotated[int, Field(ge=1024, le=16777216)] = 262144
    """The largest payload, in bytes of JSON."""
    pending: Annotated[int, Field(ge=1, le=10000000)] = 100000
    """Deliveries that may wait in one subscription's inbox before publishing is refused."""


class Lease(Model):
    """How deliveries are handed out and taken back."""

    ttl: Duration = "30s"
    """How long an agent may be silent before its delivery goes to another."""
    max_deliveries: Annotated[int, Field(ge=1, le=100)] = 5
    """Attempts before a delivery goes to the dead letters."""


class BoardServer(Model):
    """The blackboard's server."""

    replicas: Annotated[int, Field(ge=0, le=100)] = 1
    """How many of them."""
    pod: PodSettings | None = None
    """Their pods."""


class BlackboardSpec(Model):
    """Where artifacts are kept, which types there are, and the bounds."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.store.redis) == has(oldSelf.store.redis) && "
            "has(self.store.postgres) == has(oldSelf.store.postgres)",
            "the kind of store cannot change: create another Blackboard and move the artifacts",
            field="store",
        ),
    )

    store: Store
    """Where artifacts are kept."""
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
    server: BoardServer = Field(default_factory=BoardServer)
    """The server."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """Whether the volume of a managed store outlives the Blackboard."""


class BlackboardStatus(Status):
    """How the blackboard is doing."""

    store_ready: bool | None = None
    """Whether the store answers."""
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
