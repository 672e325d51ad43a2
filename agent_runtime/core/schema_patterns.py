r"""Patterns of a JSON Schema: none takes longer than a bounded number of steps for one text.

Most patterns are matched in linear time. Those with a look-around or a back reference, such as `(a*)*\1$`,
are matched by trying, which may take exponential time. Their steps are bounded, and for the library a value
with a text that needs more does not fit, also where the pattern stands behind a `not`. Where that text
stands it does not say.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

MOST_STEPS = 10_000
"""Steps back that one match may take: about a millisecond."""
BOUNDED = jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_STEPS)
_LINEAR = jsonschema_rs.RegexOptions()
_UNDECIDED = (
    jsonschema_rs.ValidationErrorKind.BacktrackLimitExceeded,
    jsonschema_rs.ValidationErrorKind.RegexEngineFailure,
)


def given_up(error: jsonschema_rs.ValidationError) -> bool:
    """Whether the fault is that a match took too many steps."""
    return isinstance(error.kind, _UNDECIDED)


class HardPatterns:
    """The patterns of one schema that are matched by trying."""

    def __init__(self, schema: Any) -> None:
        self._matchers = {pattern: _matcher(pattern) for pattern in _patterns(schema) if _is_hard(pattern)}

    def undecided(self, value: object) -> tuple[tuple[str | int, ...], str] | None:
        """Where a text stands that takes some pattern too long, and what is said of it."""
        for path, text in _texts(value):
            for pattern, matcher in self._matchers.items():
                if any(map(given_up, matcher.iter_errors(text))):
                    return path, (
                        f"the text takes too many steps to match the pattern {pattern}: shorten it, or write "
                        "the pattern without look-around and back references"
                    )
        return None


@cache
def _is_hard(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_LINEAR)
    except (jsonschema_rs.ValidationError, ValueError):
        return _matcher(pattern) is not None
    return False


def _matcher(pattern: str) -> Any:
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=BOUNDED)
    except (jsonschema_rs.ValidationError, ValueError):
        return None  # no pattern of the schema, but a text in an example or an enum


def _patterns(schema: Any) -> Iterator[str]:
    left = [schema]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            if isinstance(pattern := part.get("pattern"), str):
                yield pattern
            if isinstance(named := part.get("patternProperties"), Mapping):
                yield from named
            left += part.values()
        elif isinstance(part, list):
            left += part


def _texts(value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The texts within a value, keys among them, and where they stand."""
    left: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while left:
        path, part = left.pop()
        if isinstance(part, str):
            yield path, part
        elif isinstance(part, Mapping):
            for key, inner in part.items():
                yield path, key
                left.append(((*path, key), inner))
        elif isinstance(part, list | tuple):
            left += [((*path, index), inner) for index, inner in enumerate(part)]
