"""A Blackboard, checked and compiled."""

from typing import Literal

from agent_runtime.api.blackboard import ArtifactType, BlackboardResource
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup, Places
from agent_runtime.compile.schemas import InvalidSchema, validator

STORE_URL_ENV = "COVEY_STORE_URL"
"""The environment variable with the store's URL."""


def compile_blackboard(
    board: BlackboardResource,
    lookup: Lookup,
    places: Places,
    *,
    store: Literal["sqlite"] | None = None,
) -> Compiled[BlackboardConfig]:
    """The config of the blackboard's server.

    `store` overrides what the manifest says: on the laptop every store is SQLite. `secrets` holds the URL
    of a store that is there already; that of a managed one is the operator's own to give.
    """
    del places  # a server reaches nobody; all of `compile` is called alike
    resolution = Resolution(lookup, board.namespace)
    spec = board.spec
    check_types(spec.artifact_types, resolution)
    wanted = store or spec.store.kind
    if store is None and spec.store.url_from is not None:
        field, source = spec.store.url_from
        resolution.secret(source.secret_key_ref, STORE_URL_ENV, f"spec.{field}.secretKeyRef")
    return resolution.compiled(
        BlackboardConfig(
            name=board.name,
            namespace=board.namespace,
            store=wanted,
            url_env=None if wanted == "memory" else STORE_URL_ENV,
            types=spec.artifact_types,
            limits=spec.limits,
            lease=spec.lease,
        )
    )


def check_types(types: list[ArtifactType], resolution: Resolution) -> None:
    """Refuse a type that is there twice in one version, and a schema that is none or fits no object."""
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
