"""A Blackboard, checked and compiled."""

from typing import Literal

from agent_runtime.api.backup import Backup
from agent_runtime.api.base import seconds
from agent_runtime.api.blackboard import ArtifactType, BlackboardResource, Embedding
from agent_runtime.api.databases import Vector
from agent_runtime.api.event_log import EventLog, RedisEventLog
from agent_runtime.blackboard.schema.upcasting import Upcasters
from agent_runtime.compile.model import resolve_model
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup, Places
from agent_runtime.config.models import BlackboardConfig, EmbeddingConfig, EventLogConfig
from agent_runtime.core.json_schema import InvalidSchema, validator
from agent_runtime.triggers.schedule import InvalidSchedule, parse

STORE_URL_ENV = "COVEY_STORE_URL"
"""The environment variable with the store's URL."""
VECTORS_URL_ENV = "COVEY_VECTORS_URL"
"""The environment variable with the URL of the database of vectors, when that is not the store's."""
EVENT_LOG_URL_ENV = "COVEY_EVENT_LOG_URL"
"""The environment variable with the event log's URL, when a Secret holds it and it is not the store's."""
_LONGEST_AGE_SECONDS = 36_500 * 86_400


def compile_blackboard(
    board: BlackboardResource,
    lookup: Lookup,
    places: Places,
    *,
    store: Literal["sqlite"] | None = None,
) -> Compiled[BlackboardConfig]:
    """The config of the blackboard's server.

    `store` overrides what the manifest says: on the laptop every store is SQLite. `secrets` holds the URLs
    of databases that are there already; those of managed ones are the operator's own to give.
    """
    del places  # a server reaches nobody; all of `compile` is called alike
    resolution = Resolution(lookup, board.namespace)
    spec = board.spec
    check_types(spec.artifact_types, resolution)
    wanted = store or spec.store.kind
    if store is None and spec.store.url_from is not None:
        field, source = spec.store.url_from
        resolution.secret(source.secret_key_ref, STORE_URL_ENV, f"spec.{field}.secretKeyRef")
    if store is None and spec.vector is not None and spec.vector.url_from is not None:
        field, source = spec.vector.url_from
        resolution.secret(source.secret_key_ref, VECTORS_URL_ENV, f"spec.{field}.secretKeyRef")
    if spec.backup is not None:
        _check_schedule(spec.backup, resolution)
    if (age := spec.retention.max_age) is not None and seconds(age) > _LONGEST_AGE_SECONDS:
        field = "spec.retention.maxAge"
        resolution.refuse("InvalidSpec", f"{field}: {age} is longer than 36500d: leave it out instead", field)
    return resolution.compiled(
        BlackboardConfig(
            name=board.name,
            namespace=board.namespace,
            store=wanted,
            url_env=None if wanted == "memory" else STORE_URL_ENV,
            vectors_url_env=None if store is not None else _vectors_url_env(spec.vector),
            types=spec.artifact_types,
            limits=spec.limits,
            lease=spec.lease,
            isolation=spec.isolation,
            retention=spec.retention,
            embedding=_embedding(spec.embedding, lookup, board.namespace, resolution),
            event_log=None if store is not None else _event_log(spec.event_log, resolution),
        )
    )


def _vectors_url_env(vector: Vector | None) -> str | None:
    """On the laptop, where the store is overridden, there is no database to keep vectors in."""
    if vector is None:
        return None
    return STORE_URL_ENV if vector.pgvector.same_as_store is not None else VECTORS_URL_ENV


def _embedding(
    embedding: Embedding | None, lookup: Lookup, namespace: str, resolution: Resolution
) -> EmbeddingConfig | None:
    if embedding is None:
        return None
    if embedding.model is None:
        return EmbeddingConfig()
    field = "spec.embedding.model"
    model = resolve_model(embedding.model.name, field, lookup, namespace, resolution)
    return None if model is None else EmbeddingConfig(model=model)


def _event_log(log: EventLog | None, resolution: Resolution) -> EventLogConfig | None:
    if log is None:
        return None
    field, chosen = log.chosen
    if chosen.url_from is not None:
        ref = chosen.url_from.secret_key_ref
        resolution.secret(ref, EVENT_LOG_URL_ENV, f"spec.{field}.urlFrom.secretKeyRef")
    if isinstance(chosen, RedisEventLog):
        env = STORE_URL_ENV if chosen.url_from is None else EVENT_LOG_URL_ENV
        return EventLogConfig(url_env=env, max_length=chosen.max_length)
    return EventLogConfig(url=chosen.url, url_env=None if chosen.url_from is None else EVENT_LOG_URL_ENV)


def _check_schedule(backup: Backup, resolution: Resolution) -> None:
    try:
        parse(backup.schedule, backup.time_zone)
    except InvalidSchedule as error:
        resolution.refuse("InvalidSpec", f"spec.backup: {error}", "spec.backup")


def check_types(types: list[ArtifactType], resolution: Resolution) -> None:
    """Refuse a type that is there twice in one version, a schema that is none or fits no object, and a
    reading that cannot be.
    """
    seen: dict[tuple[str, int], int] = {}
    for index, type_ in enumerate(types):
        field = f"spec.artifactTypes[{index}]"
        first = seen.setdefault((type_.name, type_.version), index)
        if first != index:
            resolution.refuse(
                "InvalidSpec",
                f'{field}: type "{type_.name}" has version {type_.version} already in '
                f"spec.artifactTypes[{first}]: give it another version",
                field,
            )
        _check_schema(type_, f"{field}.schema", resolution)
    if resolution.failed:
        return
    try:
        Upcasters(
            {(one.name, one.version): one for one in types},
            {(one.name, one.version): validator(one.schema_) for one in types},
        )
    except ValueError as error:
        resolution.refuse("InvalidSpec", f"spec.artifactTypes: {error}", "spec.artifactTypes")


def _check_schema(type_: ArtifactType, field: str, resolution: Resolution) -> None:
    try:
        validator(type_.schema_)
    except InvalidSchema as error:
        resolution.refuse(
            "InvalidSchema", f'{field}: the schema of type "{type_.name}" is not valid: {error}', field
        )
        return
    kinds = type_.schema_.get("type", "object")
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        resolution.refuse(
            "InvalidSchema",
            f'{field}.type: a payload is an object, and the schema of type "{type_.name}" wants {kinds!r}: '
            "make it object, with the value as one of its properties",
            f"{field}.type",
        )
