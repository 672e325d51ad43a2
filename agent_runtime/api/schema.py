"""The structural schema of a kind: what the CRD carries, the docs list and the laptop checks against.

Pydantic's JSON Schema is brought to the subset that a CustomResourceDefinition allows: references
inlined, `null` alternatives collapsed, no titles, no `additionalProperties: false` (the API server prunes
or refuses unknown fields by itself), bounds as OpenAPI 3.0 writes them.

Within the items of lists no default is filled in: clients such as `kubectl apply` replace a list as a whole,
so a default that the API server writes into an item is a difference for ever. There it stands under
`ITEM_DEFAULT`, for the docs and for who compares; who reads an object fills it in by the models. (Statuses
keep theirs: only the operator writes those.) Keys of items that may be left out stand under `ITEM_KEYS`,
because Kubernetes' own keys need a default. `agent_runtime.api.items` says both to the API server.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from agent_runtime.api.base import Resource

Schema = dict[str, Any]
ITEM_DEFAULT = "x-covey-default"
"""What a field of a list's item means when it is not there."""
ITEM_KEYS = "x-covey-keys"
"""The fields in which two items of a list must differ, when one of them may be left out."""
FIXED = "x-covey-fixed"
"""Fields that must stay the same, whether or not their defaults are written out."""

_KEYS = "x-kubernetes-list-map-keys"
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
    _KEYS,
    "x-kubernetes-validations",
    FIXED,
)


@cache
def structural_schema(kind: type[Resource]) -> Schema:
    """The schema of the whole object. Shared between callers: not to be changed."""
    generated = kind.model_json_schema(by_alias=True)
    definitions = generated.get("$defs", {})
    schema = _structural(generated, definitions)
    schema["properties"]["status"] = _structural(generated["properties"]["status"], definitions, in_item=None)
    return schema


def _structural(
    node: Mapping[str, Any], definitions: Mapping[str, Any], *, in_item: bool | None = False
) -> Schema:
    """`in_item`: whether it is within an item of a list; None: items are like everything else."""
    merged = _without_indirection(node, definitions)
    schema: Schema = {key: merged[key] for key in _KEPT if key in merged}
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if schema.get("default", ...) is None:
        del schema["default"]
    if in_item and "default" in schema:
        schema[ITEM_DEFAULT] = schema.pop("default")
    if "const" in merged:
        schema["enum"] = [merged["const"]]
    if "exclusiveMinimum" in merged:
        schema |= {"minimum": merged["exclusiveMinimum"], "exclusiveMinimum": True}
    if "items" in merged:
        schema["items"] = _structural(merged["items"], definitions, in_item=None if in_item is None else True)
        if any(ITEM_DEFAULT in schema["items"]["properties"][key] for key in schema.get(_KEYS, ())):
            schema[ITEM_KEYS] = schema.pop(_KEYS)
            del schema["x-kubernetes-list-type"]
    if "properties" in merged:
        schema["properties"] = {
            name: _structural(property_, definitions, in_item=in_item)
            for name, property_ in merged["properties"].items()
        }
    elif isinstance(merged.get("additionalProperties"), dict):
        schema["additionalProperties"] = _structural(
            merged["additionalProperties"], definitions, in_item=in_item
        )
    names = merged.get("propertyNames", {})
    for pattern, values in merged.get("patternProperties", {}).items():
        names = {**names, "pattern": pattern}
        schema["additionalProperties"] = _structural(values, definitions, in_item=in_item)
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
