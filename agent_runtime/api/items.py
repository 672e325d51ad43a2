"""What the API server is told of lists whose items have fields that may be left out.

The schema that it gets carries no default within an item. So three things that Kubernetes says by defaults
are said in words or in CEL: what a field means that is not there, in which fields two items differ, and
that a part cannot change, be its defaults written out or not.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

from agent_runtime.api.schema import FIXED, ITEM_DEFAULT, ITEM_KEYS, Schema

_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in"}
)
_RESERVED |= {"let", "loop", "namespace", "null", "package", "return", "true", "var", "void", "while"}
"""Words of CEL: a field of such a name is written with underscores in rules."""

_PARTS = 5
COMPARED = 100
"""Items of a list that a rule compares with each other."""


def served(schema: Schema) -> Schema:
    """The schema as a CRD carries it."""
    return _served(copy.deepcopy(schema))


def cannot_change(field: str) -> str:
    """The message about a part that must stay the same."""
    return f"{field} cannot change: create another FlowRun"


def _served(schema: Schema) -> Schema:
    for field in schema.pop(FIXED, ()):
        _fix(schema, field)
    if ITEM_DEFAULT in schema:
        default = json.dumps(schema.pop(ITEM_DEFAULT), ensure_ascii=False)
        if default != "{}":
            schema["description"] = f"{schema.get('description', '')} Default: {default}.".strip()
    keys = schema.pop(ITEM_KEYS, None)
    if keys is not None:
        _add_rule(schema, _differ(schema, keys))
    for part in _below(schema):
        _served(part)
    return schema


def _below(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("properties", {}).values()
    for part in ("items", "additionalProperties"):
        if part in schema:
            yield schema[part]


def _add_rule(schema: Schema, rule: dict[str, str]) -> None:
    schema["x-kubernetes-validations"] = [*schema.get("x-kubernetes-validations", []), rule]


def _differ(schema: Schema, keys: list[str]) -> dict[str, str]:
    """No two items are the same in these fields. A rule may cost only so much, and this one grows with the
    square of their number: of longer lists the operator says it, by `Accepted`."""
    item = schema["items"]
    same = " && ".join(f"{_or_default('a', item, key)} == {_or_default('b', item, key)}" for key in keys)
    rule = f"self.all(a, self.exists_one(b, {same}))"
    most = schema["maxItems"]
    return {
        "rule": rule if most <= COMPARED else f"self.size() > {COMPARED} || {rule}",
        "message": f"no two may have the same {' and '.join(keys)}",
    }


def _or_default(item: str, schema: Schema, key: str) -> str:
    """A field of an item, or its default."""
    default = schema["properties"][key].get(ITEM_DEFAULT)
    return f"{item}.{key}" if default is None else f"(has({item}.{key}) ? {item}.{key} : {_cel(default)})"


def _fix(schema: Schema, field: str) -> None:
    """Rules that hold while the field is the same: of its parts, and of the items of its lists."""
    part = schema["properties"][field]
    now, before = f"self.{_name(field)}", f"oldSelf.{_name(field)}"
    rule = f"has({now}) == has({before})"
    message = cannot_change(field)
    _add_rule(schema, {"rule": rule, "message": message, "fieldPath": f".{field}"})
    conditions = []
    for name, inner in part["properties"].items():
        mine, theirs = f"self.{_name(name)}", f"oldSelf.{_name(name)}"
        if not _has_item_defaults(inner):
            conditions.append(_equal(mine, theirs, [], required=name in part["required"]))
            continue
        # Items of a list with keys are compared with what they were before, each by a rule of its own.
        (key,) = inner["x-kubernetes-list-map-keys"]
        conditions.append(
            f"{mine}.size() == {theirs}.size() && {mine}.all(a, {theirs}.exists(b, a.{key} == b.{key}))"
        )
        same = list(_same(inner["items"], "", []))
        moved = " || ".join(_moved(inner["items"], "", []))
        # Several rules, because the API server bounds what one may cost. The first speaks of plain changes.
        parts = [same[start::_PARTS] for start in range(_PARTS)]
        rules = [f"self == oldSelf || {moved}", *(f"!({moved}) || ({' && '.join(part)})" for part in parts)]
        for each in rules:
            _add_rule(inner["items"], {"rule": each, "message": message})
    _add_rule(part, {"rule": " && ".join(conditions), "message": message})


def _same(schema: Schema, path: str, absent_at: list[str]) -> Iterator[str]:
    """Conditions that hold when `self` and `oldSelf` mean the same below `path`, of which the parents
    `absent_at` may be missing. CEL cannot read a field without a type; `==` of the whole compares those."""
    for name, inner in schema["properties"].items():
        here = f"{path}.{_name(name)}"
        if "type" not in inner:
            continue
        if "properties" in inner and _has_item_defaults(inner):
            if ITEM_DEFAULT not in inner:
                yield f"{_has('self', here, absent_at)} == {_has('oldSelf', here, absent_at)}"
            yield from _same(inner, here, [*absent_at, here])
        elif ITEM_DEFAULT in inner:
            default = _cel(inner[ITEM_DEFAULT])
            mine, theirs = (
                f"({_has(side, here, absent_at)} ? {side}{here} : {default})" for side in ("self", "oldSelf")
            )
            yield f"{mine} == {theirs}"
        else:
            required = not absent_at and name in schema["required"]
            yield _equal(f"self{here}", f"oldSelf{here}", absent_at, required=required)


def _moved(schema: Schema, path: str, absent_at: list[str]) -> Iterator[str]:
    """Conditions of which one holds when a default below `path` is written out on one side only."""
    for name, inner in schema["properties"].items():
        here = f"{path}.{_name(name)}"
        if ITEM_DEFAULT in inner:
            yield f"{_has('self', here, absent_at)} != {_has('oldSelf', here, absent_at)}"
        if "properties" in inner and _has_item_defaults(inner):
            yield from _moved(inner, here, [*absent_at, here])


def _equal(mine: str, theirs: str, absent_at: list[str], *, required: bool) -> str:
    if required:
        return f"{mine} == {theirs}"
    here = mine.removeprefix("self")
    has = _has("self", here, absent_at)
    return f"{has} == {_has('oldSelf', here, absent_at)} && (!{has} || {mine} == {theirs})"


def _has(side: str, here: str, absent_at: list[str]) -> str:
    if not absent_at:
        return f"has({side}{here})"
    return f"({' && '.join(f'has({side}{path})' for path in (*absent_at, here))})"


def _has_item_defaults(schema: Schema) -> bool:
    return ITEM_DEFAULT in schema or any(_has_item_defaults(part) for part in _below(schema))


def _name(field: str) -> str:
    return f"__{field}__" if field in _RESERVED else field


def _cel(value: Any) -> str:
    """A default as CEL writes it: texts, numbers, booleans and lists of them as JSON does."""
    return json.dumps(value)
