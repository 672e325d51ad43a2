"""The CEL rules of a structural schema, asked on the laptop as the API server asks them."""

import re
from collections.abc import Iterator, Set
from functools import cache

from agent_runtime.api.fault import Fault, below
from agent_runtime.api.items import cannot_change
from agent_runtime.api.schema import FIXED, Schema
from agent_runtime.api.structure import means_the_same
from agent_runtime.core.cel import CelError, Expression

_ABSENT = object()
_READS = re.compile(r"\bself\.([A-Za-z0-9_.]+)")


def rule_faults(schema: Schema, value: object, at_fault: Set[str], path: str = "") -> Iterator[Fault]:
    """Rules that do not hold for a completed value.

    `at_fault` holds the paths that are wrong already: a rule that reads one of them is not asked, because
    what it would say is only a consequence.
    """
    for rule in schema.get("x-kubernetes-validations", []):
        if "oldSelf" not in rule["rule"] and not (_read_by(rule["rule"], path) & at_fault):
            yield from _asked(rule, {"self": value}, path)
    for step, sub_schema, item in _children(schema, value):
        yield from rule_faults(sub_schema, item, at_fault, below(path, step))


def transition_faults(schema: Schema, old: object, new: object, path: str = "") -> Iterator[Fault]:
    """Rules about a change that do not hold for it. No rule of ours speaks of the past of a list's item."""
    for rule in schema.get("x-kubernetes-validations", []):
        if "oldSelf" in rule["rule"]:
            yield from _asked(rule, {"self": new, "oldSelf": old}, path)
    if isinstance(old, dict) and isinstance(new, dict):
        for field in schema.get(FIXED, ()):
            if not means_the_same(schema["properties"][field], old.get(field), new.get(field)):
                yield Fault(below(path, field), cannot_change(field))
    before = {step: item for step, _, item in _children(schema, old) if isinstance(step, str)}
    for step, sub_schema, item in _children(schema, new):
        earlier = before.get(str(step), _ABSENT)
        if earlier is not _ABSENT:
            yield from transition_faults(sub_schema, earlier, item, below(path, step))


def _asked(rule: dict[str, str], variables: dict[str, object], path: str) -> Iterator[Fault]:
    if "fieldPath" in rule:
        path = below(path, rule["fieldPath"].removeprefix("."))
    try:
        if not _compiled(rule["rule"]).holds(variables):
            yield Fault(path, rule["message"])
    except CelError as error:
        yield Fault(path, f"{rule['message']} ({error})")


@cache
def _compiled(rule: str) -> Expression:
    return Expression(rule, ("self", "oldSelf") if "oldSelf" in rule else ("self",))


@cache
def _read_by(rule: str, path: str) -> frozenset[str]:
    """The paths that a rule at `path` reads, with everything that they lie in."""
    read = {path}
    for dotted in _READS.findall(rule):
        place = path
        for step in dotted.split("."):
            place = below(place, step)
            read.add(place)
    return frozenset(read)


def _children(schema: Schema, value: object) -> Iterator[tuple[str | int, Schema, object]]:
    if isinstance(value, dict):
        for name, item in value.items():
            sub_schema = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if sub_schema is not None:
                yield name, sub_schema, item
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield index, schema["items"], item
