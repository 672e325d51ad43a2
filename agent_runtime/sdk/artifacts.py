"""Pydantic models as types of artifacts: `@artifact` above a class, and its schema is the type's."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ValidationError

from agent_runtime.api.blackboard import ArtifactType, Reading
from agent_runtime.sdk.errors import UsageError

M = TypeVar("M", bound=BaseModel)

_types: WeakKeyDictionary[type[BaseModel], ArtifactType] = WeakKeyDictionary()


@overload
def artifact(model: type[M], /) -> type[M]: ...


@overload
def artifact(
    *, name: str | None = None, version: int = 1, reads: Sequence[Reading] = ()
) -> Callable[[type[M]], type[M]]: ...


def artifact(
    model: type[M] | None = None,
    /,
    *,
    name: str | None = None,
    version: int = 1,
    reads: Sequence[Reading] = (),
) -> type[M] | Callable[[type[M]], type[M]]:
    """Make a pydantic model a type of artifacts, called like the class unless `name` says otherwise.

    Its JSON Schema is what payloads are checked against, by whatever door they come. `reads` says how
    payloads of older versions are read as this one; the classes of older versions have the same name.
    Raises UsageError.
    """

    def register(model: type[M]) -> type[M]:
        _types[model] = _described(model, name, version, reads)
        return model

    return register if model is None else register(model)


def _described(model: object, name: str | None, version: int, reads: Sequence[Reading]) -> ArtifactType:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise UsageError(
            f"@artifact stands above {_called(model)}: it wants a class derived from pydantic.BaseModel"
        )
    try:
        # with `validation`, fields that have a default may be left out by who publishes from elsewhere
        schema = model.model_json_schema(mode="validation")
        return ArtifactType(name=name or model.__name__, version=version, schema_=schema, reads=list(reads))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise UsageError(f"@artifact of {model.__name__}: {place}: {fault['msg']}") from error
    except Exception as error:  # pydantic has several for what JSON Schema cannot say
        raise UsageError(f"{model.__name__} cannot be an artifact: its JSON Schema fails: {error}") from error


def type_of(model: object) -> ArtifactType:
    """The type that the class was made by `@artifact`. Raises UsageError for everything else."""
    known = _types.get(model) if isinstance(model, type) else None
    if known is None:
        shown = _called(model)
        hint = f"write @artifact above the class {shown}" if isinstance(model, type) else "name the class"
        raise UsageError(f"{shown} is no artifact type: {hint}")
    return known


def payload_of(value: BaseModel) -> dict[str, Any]:
    """The artifact's payload: JSON, by the names that its schema has."""
    return value.model_dump(mode="json", by_alias=True)


def together(models: Iterable[type[BaseModel]]) -> list[ArtifactType]:
    """The types of these classes. Raises UsageError when two classes claim one version of a type."""
    claimed: dict[tuple[str, int], type[BaseModel]] = {}
    for model in dict.fromkeys(models):
        type_ = type_of(model)
        other = claimed.setdefault((type_.name, type_.version), model)
        if other is not model:
            raise UsageError(
                f"two classes are version {type_.version} of {type_.name}, {_place(other)} and "
                f"{_place(model)}: give one of them another name=... or version=..."
            )
    return [type_of(model) for model in claimed.values()]


def _place(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def _called(thing: object) -> str:
    return thing.__name__ if isinstance(thing, type) else repr(thing)
