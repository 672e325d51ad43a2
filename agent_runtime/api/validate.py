"""Is a manifest right? The answer that the API server gives in the cluster, given on the laptop.

One schema, generated from the models, serves both; so do the CEL rules and their messages.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from agent_runtime.api import API_VERSION, KINDS, RESERVED_KINDS, Resource
from agent_runtime.api.fault import Fault, InvalidManifest
from agent_runtime.api.rules import rule_faults, transition_faults
from agent_runtime.api.schema import Schema, structural_schema
from agent_runtime.api.structure import completed, nearest, structural_faults
from agent_runtime.core.texts import unfit_in

__all__ = ["Fault", "InvalidManifest", "faults", "parse", "update_faults"]

_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA: Schema = {
    "type": "object",
    "description": "holds the name of the object.",
    "required": ["name"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "name": {"type": "string", "minLength": 1, "description": "the name of the object."},
        "namespace": {"type": "string", "minLength": 1, "maxLength": 63},
        "labels": _TEXTS,
        "annotations": _TEXTS,
    },
}


def faults(manifest: object) -> list[Fault]:
    """Everything that is wrong with a manifest, all at once; empty when it is right.

    The status is not looked at: it is not the author's. What other objects say is not known here; that is
    for `agent_runtime.compile`.
    """
    if not isinstance(manifest, Mapping):
        return [Fault("", "a manifest is a mapping with apiVersion, kind, metadata and spec")]
    schema = _schema_for(manifest)
    if isinstance(schema, Fault):
        return [schema]
    given = completed(schema, {key: value for key, value in manifest.items() if key != "status"})
    found = list(structural_faults(schema, given))
    if (unfit := unfit_in(given)) is not None:
        # no rule can read it, and what the rules said would be only a consequence
        return [*found, Fault(unfit.path.removeprefix("."), unfit.message)]
    at_fault = {fault.path for fault in found} | {fault.meant for fault in found if fault.meant}
    return found + list(rule_faults(schema, given, at_fault))


def update_faults(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Fault]:
    """What forbids to replace `old` by `new`, both without faults of their own: fields that cannot change."""
    schema = _schema_for(new)
    if isinstance(schema, Fault):
        return [schema]
    if [old.get(key) for key in ("apiVersion", "kind")] != [new.get(key) for key in ("apiVersion", "kind")]:
        return [Fault("kind", "an object cannot become one of another kind")]
    return list(transition_faults(schema, completed(schema, dict(old)), completed(schema, dict(new))))


def parse(manifest: Mapping[str, Any]) -> Resource:
    """The manifest as a typed resource. Raises InvalidManifest with all faults."""
    found = faults(manifest)
    if found:
        raise InvalidManifest(found)
    kind = KINDS[manifest["kind"]]
    return kind.model_validate(completed(structural_schema(kind), dict(manifest)))


def _schema_for(manifest: Mapping[str, Any]) -> Schema | Fault:
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if version != API_VERSION:
        given = "is missing" if version is None else f'"{version}" is not served'
        return Fault("apiVersion", f"{given}, want {API_VERSION}")
    if isinstance(kind, str) and kind in KINDS:
        return _schema(kind)
    allowed = ", ".join(KINDS)
    if kind is None:
        return Fault("kind", f"is missing, want one of {allowed}")
    if isinstance(kind, str) and kind in RESERVED_KINDS:
        return Fault("kind", f'"{kind}" is reserved for later, want one of {allowed}')
    near = nearest(str(kind), list(KINDS))
    return Fault(
        "kind", f'there is no "{kind}", {f"did you mean {near}?" if near else f"want one of {allowed}"}'
    )


@cache
def _schema(kind: str) -> Schema:
    """The schema of a manifest as people write it: with Kubernetes' metadata, whatever the status."""
    schema = structural_schema(KINDS[kind])
    return {**schema, "properties": {**schema["properties"], "metadata": _METADATA, "status": {}}}
