"""JSON Schema (draft 2020-12) as manifests use it: for artifact types and for parameters of flows."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs

from agent_runtime.core.json_pointer import pointer
from agent_runtime.core.schema_faults import SchemaValidator

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class InvalidSchema(ValueError):
    """The schema itself is wrong; the message says where and why."""


def _nothing_remote(uri: str) -> NoReturn:
    raise ValueError(f"only references within the schema are followed, not {uri}")


@lru_cache(maxsize=512)
def _validator(schema: str) -> SchemaValidator:
    return SchemaValidator(json.loads(schema), _nothing_remote)


def validator(schema: Mapping[str, Any]) -> SchemaValidator:
    """A validator, compiled once for equal schemas. Nothing is fetched from anywhere.

    Raises InvalidSchema.
    """
    try:
        return _validator(json.dumps(schema, sort_keys=True))
    except jsonschema_rs.ValidationError as error:
        place = _path(error.instance_path).removeprefix(".")
        raise InvalidSchema(f"{place}: {_explained(error)}" if place else error.message) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise InvalidSchema(str(error)) from error


def _explained(error: jsonschema_rs.ValidationError) -> str:
    """The message; the one about a wrong `type` would only name a keyword of the meta-schema."""
    path = error.instance_path
    if path[-1] == "type" and path[-2:-1] != ["properties"]:
        return f"{json.dumps(error.instance)} is no type, want one of {', '.join(_TYPES)}"
    return error.message


def faults_in(schema: Mapping[str, Any], value: object) -> list[tuple[str, str]]:
    """Where and why the value does not fit: pairs of a path such as `.items[2].name` and a message.

    The first ones, when there are many.
    """
    return [(_path(fault.path), fault.message) for fault in validator(schema).faults(value)]


def faults_at(schema: Mapping[str, Any], value: object) -> list[tuple[str, str]]:
    """As `faults_in`, with JSON pointers such as `/items/2/name`."""
    return [(pointer(fault.path), fault.message) for fault in validator(schema).faults(value)]


def _path(steps: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
