"""JSON from outside, read by the book: what would come back changed from a store is refused, not guessed at.

NaN and infinities, half a surrogate pair, and integers past 64 bits are no JSON here. The standard library
lets them in, orjson alone makes floats of large integers. Of a key that stands twice in an object the last
value counts, as everywhere.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

DEEPEST = 200
"""Levels of objects and lists that a durable run can keep."""
_MANY_DIGITS = re.compile(rb"[0-9]{19}")
_INTEGERS = range(-(2**63), 2**64)


_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
"""A surrogate pair, a half of one, or any other escape."""


class TooDeep(json.JSONDecodeError):
    """It may be JSON, but is nested deeper than can be kept."""


def printable(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def all_printable(value: Any) -> Any:
    """A value with all its texts and keys `printable`. Raises RecursionError."""
    match value:
        case str():
            return printable(value)
        case list() | tuple():
            return [all_printable(each) for each in value]
        case dict():
            return {all_printable(key): all_printable(each) for key, each in value.items()}
    return value


def without_halves(text: str) -> str:
    """JSON text in which each escaped half of a surrogate pair is U+FFFD."""
    return _ESCAPE.sub(
        lambda found: "\ufffd" if len(found[0]) == 6 and found[0][2] in "dD" else found[0], text
    )


def parse(text: str | bytes | bytearray, *, deepest: int | None = None) -> Any:
    """The value; objects and lists may be nested 1024 deep, or `deepest`. Raises json.JSONDecodeError."""
    try:
        body = text.encode() if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError as error:
        raise json.JSONDecodeError("half a surrogate pair is no text", "", 0) from error
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg:
            raise TooDeep(f"it is nested more than {deepest or 1024} deep", "", 0) from error
        raise
    if _MANY_DIGITS.search(body) is not None:
        _refuse_large_integers(body)
    if deepest is not None and body.count(b"[") + body.count(b"{") > deepest:
        _refuse_deeper(value, deepest)
    return value


def _refuse_large_integers(body: bytes) -> None:
    """orjson makes floats of them, which say something else."""

    def checked(digits: str) -> int:
        # Python itself refuses to make a number of thousands of digits
        if len(digits) > 20 or int(digits) not in _INTEGERS:
            raise json.JSONDecodeError(f"the integer {digits[:24]} does not fit in 64 bits", "", 0)
        return int(digits)

    try:
        json.loads(body, parse_int=checked)
    except RecursionError as error:
        raise TooDeep("it is nested too deeply", "", 0) from error


def _refuse_deeper(value: Any, deepest: int) -> None:
    level = [value]
    for _ in range(deepest):
        level = [inner for outer in level for inner in _within(outer)]
    if any(isinstance(each, dict | list) for each in level):
        raise TooDeep(f"it is nested more than {deepest} deep", "", 0)


def _within(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
