"""JSON that comes back as it went in, or an error that names the value that would not.

orjson alone is too kind: it writes a tuple as a list, NaN as null, a UUID as text. A run would then go on
after a restart with other values than without one.
"""

import math
from collections.abc import Hashable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_INTEGERS = range(-(2**63), 2**64)
_DEEPEST = 200
_CURES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((datetime, date, time), "store text (isoformat())"),
    (Enum, "store its value"),
    ((UUID, Decimal), "store text (str())"),
    ((tuple, set, frozenset), "store a list"),
    ((bytes, bytearray, memoryview), "store text (base64)"),
    (dict, "store a plain dict"),
    (list, "store a plain list"),
    (str, "store plain text"),
)


class NotJson(ValueError):
    """A value that is not JSON, and where it is: `shared.plan[3].when`."""

    def __init__(self, path: str, what: str, cure: str) -> None:
        super().__init__(f"{path}: {what} is not JSON; {cure}")
        self.path = path
        self.what = what
        self.cure = cure


def dumps(value: Any, name: str) -> bytes:
    """The value as compact JSON that reads back equal. Raises NotJson, whose path begins with `name`.

    With the empty name the value is a dict, and paths begin with its keys.
    """
    try:
        body = orjson.dumps(value, option=_OPTIONS)
        if orjson.loads(body) == value:
            return body
        otherwise = "a value that does not read back equal"
    except (TypeError, RecursionError) as error:
        otherwise = str(error)
    for place, inner in [(name, value)] if name else value.items():
        for fault in _faults(place, inner, 0):
            raise fault
    raise NotJson(name or "the document", otherwise, "store plain JSON values")


def _faults(path: str, value: Any, depth: int) -> Iterator[NotJson]:
    if depth > _DEEPEST:
        cure = f"at most {_DEEPEST} levels, and no value inside itself"
        yield NotJson(path[:80] + "...", "what is nested so deep", cure)
    elif type(value) is dict:
        for key, inner in value.items():
            if not isinstance(key, str):
                yield NotJson(path, f"the key {key!r} ({type(key).__name__})", "keys are text")
            yield from _faults(step(path, key), inner, depth + 1)
    elif type(value) is list:
        for index, inner in enumerate(value):
            yield from _faults(f"{path}[{index}]", inner, depth + 1)
    elif type(value) is float and not math.isfinite(value):
        yield NotJson(path, repr(value), "store None, or text")
    elif type(value) is int and value not in _INTEGERS:
        yield NotJson(path, "an integer of more than 64 bits", "store text")
    elif type(value) is str and not _is_unicode(value):
        yield NotJson(path, "text with lone surrogates", "store text that UTF-8 can encode")
    elif value is not None and type(value) not in (str, int, float, bool):
        yield NotJson(path, f"a {type(value).__name__}", _cure(value))


def _cure(value: Any) -> str:
    for types, cure in _CURES:
        if isinstance(value, types):
            return cure
    return "store what it holds as text, numbers, lists and dicts"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def step(path: str, key: Hashable) -> str:
    """The path one key further down: `a.b`, or `a["b c"]` when the key is no plain word."""
    plain = isinstance(key, str) and key.isidentifier()
    return f"{path}.{key}" if plain else f'{path}["{key}"]'
