"""Which value of a payload is not JSON, where it is, and what to publish in its place. Pure."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from agent_runtime.texts import UnfitText, fault_of

_DEEPEST = 250
"""Levels that orjson writes, rounded down."""
_INTEGERS = range(-(2**63), 2**64)
_CURES: tuple[tuple[tuple[type, ...], str], ...] = (
    ((datetime, date, time), "publish text (isoformat())"),
    ((UUID, Decimal), "publish text (str())"),
    ((tuple, set, frozenset), "publish a list"),
    ((bytes, bytearray, memoryview), "publish text (base64)"),
    ((dict,), "publish a plain dict"),
    ((list,), "publish a plain list"),
    ((str,), "publish plain text"),
)


def not_json_in(payload: Mapping[str, object]) -> UnfitText | None:
    """The first value that JSON would change or cannot say; None when none is found."""
    left: list[tuple[tuple[str | int, ...], object]] = [((), payload)]
    while left:
        keys, value = left.pop()
        if len(keys) > _DEEPEST:
            cure = f"publish at most {_DEEPEST} levels, and no value inside itself"
            return UnfitText(keys[:8], f"it is nested more than {_DEEPEST} deep; {cure}")
        if type(value) is dict:
            for key in value:
                if type(key) is not str:
                    return UnfitText(keys, f"the key {key!r} is a {type(key).__name__}; keys are text")
                if message := fault_of(key):
                    return UnfitText((*keys, key), message)
            left += [((*keys, key), inner) for key, inner in reversed(value.items())]
        elif type(value) is list:
            left += [((*keys, index), inner) for index, inner in reversed(list(enumerate(value)))]
        elif message := _fault(value):
            return UnfitText(keys, message)
    return None


def _fault(value: object) -> str:
    if type(value) is str:
        return fault_of(value)
    if type(value) is float:
        return "" if math.isfinite(value) else f"{value!r} is no JSON number; publish null, or text"
    if type(value) is int:
        return "" if value in _INTEGERS else "an integer of more than 64 bits; publish text"
    if value is None or type(value) is bool:
        return ""
    for types, cure in _CURES:
        if isinstance(value, types):
            return f"a {type(value).__name__} is not JSON; {cure}"
    return f"a {type(value).__name__} is not JSON; publish what it holds as text, numbers, lists and dicts"
