"""CustomResourceDefinitions, generated from the models."""

import copy
from typing import Any

from agent_runtime.api import GROUP, VERSION
from agent_runtime.api.base import PrinterColumn, Resource
from agent_runtime.api.items import served
from agent_runtime.api.schema import Schema, structural_schema

CATEGORY = "covey"
"""`kubectl get covey` lists everything."""


def crd(kind: type[Resource]) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind as a plain manifest."""
    name = str(kind.model_fields["kind"].default)
    subresources: dict[str, Any] = {"status": {}}
    if kind.scale is not None:
        subresources["scale"] = dict(kind.scale)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "covey"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": kind.plural,
                "singular": name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _with_kubernetes_metadata(served(structural_schema(kind)))},
                    "subresources": subresources,
                    "additionalPrinterColumns": _columns(kind),
                }
            ],
        },
    }


def _with_kubernetes_metadata(schema: Schema) -> Schema:
    """The API server knows apiVersion, kind and metadata by itself; a CRD must not say more of them."""
    own = copy.deepcopy(schema)
    own["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
    }
    own["required"] = [name for name in own["required"] if name != "metadata"]
    return own


def _columns(kind: type[Resource]) -> list[dict[str, Any]]:
    age = PrinterColumn("Age", ".metadata.creationTimestamp", type="date")
    columns = []
    for column in (*kind.columns, age):
        written: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
        if column.description:
            written["description"] = column.description
        if column.wide:
            written["priority"] = 1
        columns.append(written)
    return columns
