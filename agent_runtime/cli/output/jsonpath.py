"""The part of JSONPath that printer columns use: fields, and one list item, by place or by a field."""

import re
from collections.abc import Mapping

_STEP = re.compile(r"\.([A-Za-z0-9]+)(?:\[([0-9]+)\])?(?:\[\?\(@\.([A-Za-z0-9]+)==\"([^\"]*)\"\)\])?")


def at(document: object, path: str) -> object:
    """The value at `.spec.x`, `.triggers[0].x` or `.conditions[?(@.type=="Ready")].x`; else None."""
    value = document
    for field, place, key, wanted in _STEP.findall(path):
        value = value.get(field) if isinstance(value, Mapping) else None
        if place:
            value = value[int(place)] if isinstance(value, list) and int(place) < len(value) else None
        if key:
            items = value if isinstance(value, list) else []
            value = next((i for i in items if isinstance(i, Mapping) and i.get(key) == wanted), None)
    return value
