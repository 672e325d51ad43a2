"""A value against a structural schema, as the API server does it, with messages for people.

Two steps, as there: `completed` drops nulls and fills in defaults, then `structural_faults` checks types,
bounds and names of the completed value. Unknown fields are faults, as with `kubectl apply --validate=strict`.
"""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches

from agent_runtime.api.base import WANTED
from agent_runtime.api.fault import Fault, below
from agent_runtime.api.schema import ITEM_DEFAULT, ITEM_KEYS, Schema

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def completed(schema: Schema, value: object) -> object:
    """The value without nulls and with defaults, where the schema knows the fields. Never changes `value`."""
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        filled = {
            name: completed(known[name], item) if name in known else item
            for name, item in value.items()
            if not (item is None and name in known)
        }
        for name, property_ in known.items():
            if name not in filled and "default" in property_:
                filled[name] = completed(property_, property_["default"])
        return filled
    if isinstance(value, dict) and "additionalProperties" in schema:
        return {name: completed(schema["additionalProperties"], item) for name, item in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [completed(schema["items"], item) for item in value]
    return value


def written_out(schema: Schema, value: object) -> object:
    """The value without nulls and with all defaults, those within items of lists too."""
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        filled = {
            name: written_out(known[name], item) if name in known else item
            for name, item in value.items()
            if not (item is None and name in known)
        }
        for name, property_ in known.items():
            for default in (ITEM_DEFAULT, "default"):
                if name not in filled and default in property_:
                    filled[name] = written_out(property_, property_[default])
        return filled
    if isinstance(value, dict) and "additionalProperties" in schema:
        return {name: written_out(schema["additionalProperties"], item) for name, item in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [written_out(schema["items"], item) for item in value]
    return value


def means_the_same(schema: Schema, one: object, other: object) -> bool:
    """Whether they differ at most in defaults that are written out, and in the order of lists with keys."""
    return _in_order(schema, written_out(schema, one)) == _in_order(schema, written_out(schema, other))


def _in_order(schema: Schema, value: object) -> object:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: _in_order(known.get(name, {}), item) for name, item in value.items()}
    if isinstance(value, list) and "items" in schema:
        items = [_in_order(schema["items"], item) for item in value]
        keys = schema.get("x-kubernetes-list-map-keys", ())
        return sorted(items, key=lambda item: _values(item, keys)) if keys else items
    return value


def _values(item: object, keys: list[str]) -> list[str]:
    return [str(item[key]) if isinstance(item, dict) else "" for key in keys]


def structural_faults(schema: Schema, value: object, path: str = "") -> Iterator[Fault]:
    """Everything about the value that the schema does not allow, in the order of the manifest."""
    wanted = schema.get("type")
    if wanted is not None and not _is(value, wanted):
        yield Fault(
            path, f"{_shown(value)} is {_kind_of(value)}, want {_WORDS[wanted]}{_instead(schema, value)}"
        )
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Fault(path, f"{_shown(value)} is not allowed, want {_one_of(schema['enum'])}")
    match value:
        case str():
            yield from _text_faults(schema, value, path)
        case int() | float() if not isinstance(value, bool):
            yield from _number_faults(schema, value, path)
        case list() if "items" in schema:
            yield from _list_faults(schema, value, path)
        case dict() if "properties" in schema:
            yield from _object_faults(schema, value, path)
        case dict() if "additionalProperties" in schema:
            yield from _size_faults(schema, len(value), "Properties", "entries", path)
            for name, item in value.items():
                yield from structural_faults(schema["additionalProperties"], item, below(path, str(name)))


def _text_faults(schema: Schema, value: str, path: str) -> Iterator[Fault]:
    if not value and schema.get("minLength"):
        yield Fault(path, "is empty")
        return
    yield from _size_faults(schema, len(value), "Length", "characters", path)
    pattern = schema.get("pattern")
    # Every pattern is anchored; `fullmatch` because Python's `$` would let a newline at the end pass.
    if pattern is not None and not re.fullmatch(pattern, value):
        yield Fault(path, f"{_shown(value)} is not allowed, want {WANTED.get(pattern, pattern)}")


def _number_faults(schema: Schema, value: float, path: str) -> Iterator[Fault]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and schema.get("exclusiveMinimum") and value <= least:
        yield Fault(path, f"{value} is too small, want more than {least}")
    elif least is not None and value < least:
        yield Fault(path, f"{value} is too small, want at least {least}")
    if most is not None and value > most:
        yield Fault(path, f"{value} is too large, want at most {most}")


def _list_faults(schema: Schema, value: list[object], path: str) -> Iterator[Fault]:
    yield from _size_faults(schema, len(value), "Items", "items", path)
    keys = schema.get("x-kubernetes-list-map-keys") or schema.get(ITEM_KEYS, [])
    known = schema["items"].get("properties", {})
    seen: dict[str, int] = {}
    for index, item in enumerate(value):
        yield from structural_faults(schema["items"], item, below(path, index))
        if keys and isinstance(item, dict):
            values = {key: item.get(key, known[key].get(ITEM_DEFAULT)) for key in keys}
            named = ", ".join(f"{key} {_shown(value)}" for key, value in values.items())
            first = seen.setdefault(json.dumps(values, default=str), index)
            if first != index:
                yield Fault(below(path, index), f"{named} is there already, as {below(path, first)}")


def _object_faults(schema: Schema, value: dict[str, object], path: str) -> Iterator[Fault]:
    known: dict[str, Schema] = schema["properties"]
    for name, item in value.items():
        if name in known:
            yield from structural_faults(known[name], item, below(path, name))
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield _unknown_field(path, str(name), list(known), _described(schema) if _ways(schema) else "")
    for name in schema.get("required", []):
        if name not in value:
            yield Fault(below(path, name), f"is missing{_purpose(known[name])}")


def _size_faults(schema: Schema, size: int, keyword: str, unit: str, path: str) -> Iterator[Fault]:
    least, most = schema.get(f"min{keyword}"), schema.get(f"max{keyword}")
    if least is not None and size < least:
        yield Fault(path, f"has {size} {unit}, want at least {least}")
    if most is not None and size > most:
        yield Fault(path, f"has {size} {unit}, want at most {most}")


def nearest(name: str, known: list[str]) -> str | None:
    """The known name that somebody who wrote `name` most likely meant."""
    by_lower = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None


def _unknown_field(path: str, name: str, known: list[str], purpose: str = "") -> Fault:
    near = nearest(name, known)
    if near is not None:
        return Fault(below(path, name), f'unknown field, did you mean "{near}"?', meant=below(path, near))
    wanted = f"want one of {', '.join(known)}{purpose}" if known else "nothing goes in here"
    return Fault(below(path, name), f"unknown field, {wanted}")


def _is(value: object, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def _kind_of(value: object) -> str:
    for name, types in _TYPES.items():
        if _is(value, name) and isinstance(value, types):
            return _WORDS[name]
    return "nothing" if value is None else f"of YAML's type {type(value).__name__}"


def _instead(schema: Schema, value: object) -> str:
    """How to write what was probably meant: texts in quotes, and the field that a bare text belongs under."""
    if schema["type"] == "string" and isinstance(value, bool | int | float):
        return ": put it in quotes"
    fields = schema.get("required") or list(schema.get("properties", {}))
    if schema["type"] == "object" and isinstance(value, str) and len(fields) == 1:
        return f": {{{fields[0]}: {_shown(value)}}}"
    if schema["type"] == "object" and (ways := _ways(schema)):
        return f", {_one_of(ways)}"
    return ""


def _purpose(schema: Schema) -> str:
    """What a field is for, from its description, as the end of a sentence."""
    says = schema.get("description", "").removesuffix(".")
    required = schema.get("required", [])
    written = f", {{{required[0]}: ...}}" if len(required) == 1 else ""
    if ways := _ways(schema):
        written = f"; write {_one_of(ways)}"
    elif "enum" in schema:
        written = f"; write {_one_of(schema['enum'])}"
    return f": {says[0].lower()}{says[1:]}{written}" if says else written.replace("; ", ": ", 1)


def _described(schema: Schema) -> str:
    says = schema.get("description", "").removesuffix(".")
    return f": {says[0].lower()}{says[1:]}" if says else ""


def _ways(schema: Schema) -> list[object]:
    """How an object may be written of which exactly one field is set, such as `{memory: {}}`."""
    rules = [str(rule.get("message", "")) for rule in schema.get("x-kubernetes-validations", [])]
    named = [rule for rule in rules if rule.startswith("exactly one of ")]
    if not named:
        return []
    fields = named[0].removeprefix("exactly one of ").removesuffix(" must be set").split(", ")
    known = schema.get("properties", {})
    return [f"{{{name}: {_empty(known[name])}}}" for name in fields if name in known]


def _empty(schema: Schema) -> str:
    """What stands for a value: `{}` of an object that needs nothing."""
    needs = schema.get("required") or _ways(schema)
    return "{}" if schema.get("type") == "object" and not needs else "..."


def _one_of(allowed: list[object]) -> str:
    words = ", ".join(str(each) for each in allowed)
    return words if len(allowed) == 1 else f"one of {words}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
