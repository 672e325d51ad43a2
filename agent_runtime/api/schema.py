"""The structural schema of a kind: what the CRD carries, the docs list and the laptop checks against.

Pydantic's JSON Schema is brought to the subset that a CustomResourceDefinition allows: references
inlined, `null` alternatives collapsed, no titles, no `additionalProperties: false` (the API server prunes
or refuses unknown fields by itself), bounds as OpenAPI 3.0 writes them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from agent_runtime.api.base import Resource

Schema = dict[str, Any]

_KEPT = (
    "type",
    "description",
    "default",
    "enum",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)


@cache
def structural_schema(kind: type[Resource]) -> Schema:
    """The schema of the whole object. Shared between callers: not to be changed."""
    generated = kind.model_json_schema(by_alias=True)
    return _structural(generated, generated.get("$defs", {}))


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    merged = _without_indirection(node, definitions)
    schema: Schema = {key: merged[key] for key in _KEPT if key in merged}
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if schema.get("default", ...) is None:
        del schema["default"]
    if "const" in merged:
        schema["enum"] = [merged["const"]]
    if "exclusiveMinimum" in merged:
        schema |= {"minimum": merged["exclusiveMinimum"], "exclusiveMinimum": True}
    if "items" in merged:
        schema["items"] = _structural(merged["items"], definitions)
    if "properties" in merged:
        schema["properties"] = {
            name: _structural(property_, definitions) for name, property_ in merged["properties"].items()
        }
    elif isinstance(merged.get("additionalProperties"), dict):
        schema["additionalProperties"] = _structural(merged["additionalProperties"], definitions)
    names = merged.get("propertyNames", {})
    for pattern, values in merged.get("patternProperties", {}).items():
        names = {**names, "pattern": pattern}
        schema["additionalProperties"] = _structural(values, definitions)
    if names:
        schema["x-kubernetes-validations"] = [_rule_about_keys(names)]
    return schema


def _without_indirection(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The node with its `$ref` and its `anyOf [X, null]` replaced by what they stand for."""
    merged = dict(node)
    while "$ref" in merged or "anyOf" in merged:
        if "$ref" in merged:
            target = definitions[merged.pop("$ref").removeprefix("#/$defs/")]
        else:
            (target,) = [option for option in merged.pop("anyOf") if option.get("type") != "null"]
        merged = {**target, **merged}
    return merged


def _rule_about_keys(names: Mapping[str, Any]) -> dict[str, str]:
    """CRDs have no `propertyNames`: a rule says the same."""
    least, most = names.get("minLength", 1), names["maxLength"]
    rule = f"{least} <= key.size() && key.size() <= {most}"
    message = f"names here must have {least} to {most} characters"
    if "pattern" in names:
        rule += f" && key.matches('{names['pattern']}')"
        message += f" and match {names['pattern']}"
    return {"rule": f"self.all(key, {rule})", "message": message}
