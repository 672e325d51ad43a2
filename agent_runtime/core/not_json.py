"""Which value is not JSON, where it is, and what to put in its place. Pure.

A board's payload, the state of a run and what a function returns are JSON and nothing else: orjson alone
would write a tuple as a list, NaN as null, a UUID as text, and they would come back as something else.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from uuid import UUID

_INTEGERS = range(-(2**63), 2**64)
_CURES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((datetime, date, time), "text (isoformat())"),
    (Enum, "its value"),
    ((UUID, Decimal), "text (str())"),
    ((tuple, set, frozenset), "a list"),
    ((bytes, bytearray, memoryview), "text (base64)"),
    (dict, "a plain dict"),
    (list, "a plain list"),
    (str, "plain text"),
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that JSON would change or cannot say."""

    keys: tuple[str | int, ...]
    """Where it is, from the outermost value down."""
    what: str
    cure: str

    @property
    def message(self) -> str:
        return f"{self.what} is not JSON; {self.cure}"


def misfit_in(value: object, verb: str, deepest: int) -> Misfit | None:
    """The first one; None when there is none.

    `verb` is what the cure tells to do instead, such as "store"; lists and dicts may be `deepest` within
    each other.
    """
    left: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while left:
        keys, part = left.pop()
        if len(keys) > deepest:
            cure = f"at most {deepest} levels, and no value inside itself"
            return Misfit(keys, "what is nested so deep", cure)
        if type(part) is dict:
            for key in part:
                if type(key) is not str:
                    return Misfit(keys, f"the key {key!r} ({type(key).__name__})", "keys are text")
                if not _is_unicode(key):
                    return Misfit(keys, "a key with lone surrogates", f"{verb} text that UTF-8 can encode")
            left += [((*keys, key), inner) for key, inner in reversed(part.items())]
        elif type(part) is list:
            left += [((*keys, index), inner) for index, inner in reversed(list(enumerate(part)))]
        elif (found := _misfit(part)) is not None:
            what, instead = found
            return Misfit(keys, what, f"{verb} {instead}")
    return None


def _misfit(value: object) -> tuple[str, str] | None:
    """What a value is that is neither a dict nor a list, and what to use in its place."""
    if type(value) is float and not math.isfinite(value):
        return repr(value), "None, or text"
    if type(value) is int and value not in _INTEGERS:
        return "an integer of more than 64 bits", "text"
    if type(value) is str and not _is_unicode(value):
        return "text with lone surrogates", "text that UTF-8 can encode"
    if value is None or type(value) in (str, int, float, bool):
        return None
    instead = next(
        (cure for types, cure in _CURES if isinstance(value, types)),
        "what it holds as text, numbers, lists and dicts",
    )
    return f"a {type(value).__name__}", instead


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
