"""What is wrong with a templated object whatever its expressions yield: a field too many, one too few. Pure.

Each `${...}` is filled with values of every type. What the schema says against all of them alike, and not at
or below an expression, it says against the rest. Schemas whose parts depend on each other are for the run.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from agent_runtime.core.json_schema import faults_in
from agent_runtime.core.template import Template, expressions_of
from agent_runtime.core.texts import unfit_in

_FILLINGS: tuple[object, ...] = ("", 0, 0.5, True, None, {}, [])
_DEPENDENT = frozenset(
    {
        "anyOf",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "if",
        "not",
        "oneOf",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
        "whole",
    }
)
"""Keywords by which a value in one place decides what may stand in another; `whole`: see `_keywords`."""


def certain_faults(value: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Paths such as `.items[2].name`, each with a message. Raises CelError and InvalidSchema."""
    holes = list(_holes(value, ""))
    if not holes:
        plain = Template(value, ()).render({})
        unfit = unfit_in(plain)
        return faults_in(schema, plain) if unfit is None else [(unfit.path, unfit.message)]
    if _DEPENDENT & set(_keywords(schema)):
        return []
    first, *others = (faults_in(schema, _filled(value, filling)) for filling in _FILLINGS)
    return [
        (path, message)
        for path, message in first
        if all((path, message) in found for found in others)
        and not any(path == hole or path.startswith((f"{hole}.", f"{hole}[")) for hole in holes)
    ]


def _holes(value: object, path: str) -> Iterator[str]:
    """The paths of the texts with expressions."""
    match value:
        case str():
            if any(True for _ in expressions_of(value)):
                yield path
        case Mapping():
            for key, item in value.items():
                yield from _holes(item, f"{path}.{key}")
        case list():
            for index, item in enumerate(value):
                yield from _holes(item, f"{path}[{index}]")


def _filled(value: object, filling: object) -> object:
    match value:
        case str():
            sources = list(expressions_of(value))
            if not sources:
                return Template(value, ()).render({})
            return filling if value == f"${{{sources[0]}}}" else "text"
        case Mapping():
            return {key: _filled(item, filling) for key, item in value.items()}
        case list():
            return [_filled(item, filling) for item in value]
        case _:
            return value


def _keywords(schema: object) -> Iterator[str]:
    """All words; `whole` stands for an object or a list that `enum` or `const` compares as such."""
    if isinstance(schema, Mapping):
        listed = schema.get("enum")
        compared = [schema.get("const"), *(listed if isinstance(listed, list) else ())]
        if any(isinstance(each, dict | list) for each in compared):
            yield "whole"
        for key, item in schema.items():
            yield str(key)
            yield from _keywords(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _keywords(item)
