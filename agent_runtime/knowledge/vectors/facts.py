"""Equality of metadata as sets of strings, for stores that know no JSON equality of their own."""

from collections.abc import Mapping
from typing import Any

import orjson

from agent_runtime.knowledge.vectors.port import Scalar


def facts(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Each field whose value can be filtered by; an entry matches when all wanted facts are among its own."""
    return frozenset(_fact(name, value) for name, value in metadata.items() if isinstance(value, Scalar))


def _fact(name: str, value: Scalar) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
        if not -(2**63) <= value < 2**64:  # more than JSON is written with here
            return orjson.dumps([name, float(value)]).decode()
    return orjson.dumps([name, value]).decode()
