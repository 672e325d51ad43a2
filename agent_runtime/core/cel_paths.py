"""Why a CEL expression failed on these values: which value was found at which path. Pure.

The library names an operation, such as SELECT, and neither the path nor the value.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_EXPLAINED = re.compile(
    r"non-message type|Invalid container type|No matching overloads|Key not found|Index error|iter_range"
)
_TEXT = re.compile(r"""[rRbB]*(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""", re.DOTALL)
_CHAIN = re.compile(
    r"""(?<![\w.)\]])([A-Za-z_]\w*)((?:\s*\.\s*[A-Za-z_]\w*(?!\s*\()|\s*\[\s*(?:\d+|"[^"\\]*"|'[^'\\]*')\s*\])*)"""
)
_STEP = re.compile(r"""\.\s*([A-Za-z_]\w*)|\[\s*(?:(\d+)|"([^"\\]*)"|'([^'\\]*)')\s*\]""")
_LONGEST = 60
_MOST_KEYS = 8
_MOST_FOUND = 3


@dataclass(frozen=True, slots=True)
class _Found:
    """How far a path of the expression leads."""

    path: str
    value: object
    missing: str | int | None = None
    """The step that the value has not; None: the whole path is there."""

    def __str__(self) -> str:
        if self.missing is None:
            return f"{self.path} is {_shown(self.value)}"
        if isinstance(self.value, Mapping):
            keys = [json.dumps(str(key), ensure_ascii=False) for key in self.value]
            more = ", ..." if len(keys) > _MOST_KEYS else ""
            there = ", ".join(keys[:_MOST_KEYS]) or "no keys"
            return f"{self.path} has no {self.missing!r}, it has {there}{more}"
        return f"{self.path} is {_shown(self.value)}, which has no {self.missing!r}"


def found_in(source: str, reason: str, variables: Mapping[str, object]) -> str:
    """What the expression's paths lead to, in words; empty when that does not explain the failure."""
    if not _EXPLAINED.search(reason):
        return ""
    found = {each.path: each for each in _walked(source, variables)}
    broken = [each for each in found.values() if each.missing is not None]
    if "Key not found" in reason or "Index error" in reason or "SELECT" in reason or "container" in reason:
        return "; ".join(str(each) for each in broken[:_MOST_FOUND])
    return "; ".join(str(each) for each in (broken or list(found.values()))[:_MOST_FOUND])


def _walked(source: str, variables: Mapping[str, object]) -> Iterator[_Found]:
    texts = [found.span() for found in _TEXT.finditer(source)]
    for chain in _CHAIN.finditer(source):
        if chain[1] not in variables or any(begin <= chain.start() < end for begin, end in texts):
            continue
        yield _walk(chain[1], variables[chain[1]], chain[2])


def _walk(name: str, value: object, steps: str) -> _Found:
    path = name
    for step in _STEP.finditer(steps):
        key = step[1] or step[3] or step[4] or ("" if step[2] is None else int(step[2]))
        if not _has(value, key):
            return _Found(path, value, key)
        value = value[key]  # type: ignore[index]  # it has
        path += f".{key}" if step[1] else f"[{key!r}]"
    return _Found(path, value)


def _has(value: object, key: str | int) -> bool:
    if isinstance(value, Mapping):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def _shown(value: object) -> str:
    """Kind and beginning of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {_short(json.dumps(value, ensure_ascii=False))}"
        case int() | float():
            return f"the number {value}"
        case Mapping():
            return "an object"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return f"a {type(value).__name__}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
