"""Where a blackboard keeps artifacts and vectors: in databases that the operator runs, or that are there."""

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from agent_runtime.api.base import QUANTITY_PATTERN, KeyRef, Model, Rule, exactly_one_of
from agent_runtime.api.common import PodSettings

Storage = Annotated[str, StringConstraints(pattern=QUANTITY_PATTERN, max_length=32)]


class Managed(Model):
    """A database that the operator runs, with a volume."""

    storage: Storage = "1Gi"
    """Size of its volume."""
    storage_class_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """Storage class of its volume."""
    pod: PodSettings | None = None
    """Its pod."""


class RedisManaged(Managed):
    """A Redis that the operator runs, with a volume."""


class PostgresManaged(Managed):
    """A Postgres with pgvector that the operator runs, with a volume."""

    storage: Storage = "5Gi"
    """Size of its volume, of which Postgres may take half a GiB for its log."""


class UrlSource(Model):
    """Where a connection URL is."""

    secret_key_ref: KeyRef
    """A key of a Secret that holds the URL with its credentials."""


_SAME_HANDS = Rule(
    "has(self.managed) == has(oldSelf.managed)",
    "a managed store stays managed and an external one external: create another Blackboard and move the "
    "artifacts",
)


class RedisExternal(Model):
    """A Redis that is there already."""

    url_from: UrlSource
    """Its URL, such as redis://:password@host:6379/0."""


class RedisStore(Model):
    """Redis as the store: ours or yours."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("managed", "external"), _SAME_HANDS)

    managed: RedisManaged | None = None
    """One that the operator runs."""
    external: RedisExternal | None = None
    """One that is there already."""


class PostgresExternal(Model):
    """A Postgres that is there already."""

    url_from: UrlSource
    """Its URL, such as postgresql://user:password@host:5432/database. Its user may make a schema there."""


class PostgresStore(Model):
    """Postgres as the store: ours or yours. Several blackboards may share a database of yours."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("managed", "external"), _SAME_HANDS)

    managed: PostgresManaged | None = None
    """One that the operator runs."""
    external: PostgresExternal | None = None
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
        if self.postgres is not None and self.postgres.external is not None:
            return "store.postgres.external.urlFrom", self.postgres.external.url_from
        return None


class SameAsStore(Model):
    """The database of the store, which is a Postgres: one server to run, and one to back up."""


class PgVector(Model):
    """Postgres with the extension `vector`: the store's, one of its own, or yours."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("sameAsStore", "managed", "external"),)

    same_as_store: SameAsStore | None = None
    """The store's own database, in another schema."""
    managed: PostgresManaged | None = None
    """One of its own that the operator runs."""
    external: PostgresExternal | None = None
    """One that is there already. Its user may make the extension, or it is made."""


class Vector(Model):
    """Where vectors are kept, for search by meaning."""

    pgvector: PgVector
    """Postgres with the extension `vector`."""

    @property
    def url_from(self) -> tuple[str, UrlSource] | None:
        """For one that is there already: the field, below `spec`, and where its URL is."""
        external = self.pgvector.external
        return ("vector.pgvector.external.urlFrom", external.url_from) if external is not None else None
