"""The part of JSONPath that printer columns use: fields, and one list item by the value of a field."""

import re
from collections.abc import Mapping

_STEP = re.compile(r"\.([A-Za-z0-9]+)(?:\[\?\(@\.([A-Za-z0-9]+)==\"([^\"]*)\"\)\])?")


def at(document: object, path: str) -> object:
    """The value at `.spec.model.name` or `.status.conditions[?(@.type=="Ready")].status`; else None."""
    value = document
    for field, key, wanted in _STEP.findall(path):
        value = value.get(field) if isinstance(value, Mapping) else None
        if key:
            items = value if isinstance(value, list) else []
            value = next((i for i in items if isinstance(i, Mapping) and i.get(key) == wanted), None)
    return value
