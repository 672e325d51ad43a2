"""A schema within a larger one: its references go on to mean what they meant when it stood alone. Pure."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_NAMED = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})
"""Keywords whose value has a schema under each name; a name may be a keyword's, such as `default`."""
_DATA = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose value is no schema: a `$ref` in it is only a word."""


def embedded(schema: Schema, name: str) -> tuple[Schema, Mapping[str, Schema]]:
    """What may stand anywhere in a document, and what has to stand under the document's `$defs` for it.

    The names of the latter are `name` and `name.*`. A schema without references comes back as it is.
    """
    if "$id" in schema:  # its references begin at itself, wherever it stands
        return schema, {}
    moved = _moved(schema, name)
    if moved == schema:
        return schema, {}
    definitions = {f"{name}.{key}": value for key, value in moved.get("$defs", {}).items()}
    root = {key: value for key, value in moved.items() if key != "$defs"}
    return {"$ref": f"#/$defs/{name}"}, {name: root, **definitions}


def _moved(schema: Any, name: str) -> Any:
    """The schema with every reference to a place in itself changed to that place in the document."""
    match schema:
        case list():
            return [_moved(item, name) for item in schema]
        case {"$id": _}:
            return schema
        case dict():
            return {key: _keyword(key, value, name) for key, value in schema.items()}
    return schema


def _keyword(key: str, value: Any, name: str) -> Any:
    if key == "$ref":
        return _reference(value, name)
    if key in _NAMED and isinstance(value, dict):
        return {each: _moved(schema, name) for each, schema in value.items()}
    return value if key in _DATA else _moved(value, name)


def _reference(reference: str, name: str) -> str:
    """`#/$defs/Part` as `#/$defs/name.Part`; `#` and other places within it below `#/$defs/name`."""
    if reference.startswith("#/$defs/"):
        return f"#/$defs/{name}.{reference.removeprefix('#/$defs/')}"
    if reference == "#" or reference.startswith("#/"):
        return f"#/$defs/{name}{reference.removeprefix('#')}"
    return reference  # an anchor keeps its name
