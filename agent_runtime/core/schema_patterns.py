r"""Patterns of a JSON Schema: all that a payload holds is matched in a bounded number of steps.

Most patterns are matched in linear time. Those with a look-around or a back reference, such as `(a*)*\1$`,
are matched by trying, which may take exponential time, and each step may look at the whole text. Their steps
are counted, for one text and for a payload as a whole. A payload that needs more does not fit, wherever the
pattern stands, also behind a `not`: what was left undecided is no reason to let it through.

The library counts steps only up to a limit. So a text is tried with a small limit first and with greater ones
while it is undecided; what was tried is counted.
"""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache, cached_property
from typing import Any, Final

import jsonschema_rs

MOST_STEPS = 10_000
"""Steps back that one match may take."""
MOST_STEPS_IN_ALL = 1_000_000
"""Steps that a payload may take beyond the first few of each text: about a tenth of a second."""
BOUNDED = jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_STEPS)
_LINEAR = jsonschema_rs.RegexOptions()
_LIMITS = (16, 64, 256, 1024, 4096, MOST_STEPS)
"""The first takes no longer than to read the text a few times, and counts nothing."""
_PER_STEP = 16
"""Characters that are looked at in the time of one step."""
_PER_TRY = 32
"""Steps in the time that it takes to begin."""
_CURE = "or write the pattern without look-around and back references"

Path = tuple[str | int, ...]


class Budget:
    """The steps that one payload may take, and what used them up."""

    def __init__(self) -> None:
        self._left = MOST_STEPS_IN_ALL
        self._known: dict[tuple[str, str], bool] = {}
        self._undecided: tuple[str, str] | None = None

    @property
    def is_used_up(self) -> bool:
        return self._undecided is not None

    def matches(self, hard: "HardPattern", text: str) -> bool:
        """Whether the text matches; False where that stays undecided."""
        if self._undecided is not None:
            return False
        if (found := hard.decided(text, _LIMITS[0])) is not None:
            return found
        asked = (hard.pattern, text)
        if asked not in self._known:
            self._known[asked] = self._tried(hard, text)
        return self._known[asked]

    def undecided_in(self, value: object) -> tuple[Path, str]:
        """Where the text stands that used the steps up, and what is said of it."""
        assert self._undecided is not None
        pattern, text = self._undecided
        path = next((path for path, part in _texts(value) if part == text), ())
        if len(self._known) == 1:
            return path, f"the text takes too many steps to match the pattern {pattern}: shorten it, {_CURE}"
        return path, (
            f"here {len(self._known)} texts together have taken too many steps to match the pattern "
            f"{pattern}: send fewer or shorter ones at once, {_CURE}"
        )

    def _tried(self, hard: "HardPattern", text: str) -> bool:
        for limit in _LIMITS[1:]:
            self._left -= _PER_TRY + limit * (1 + len(text) // _PER_STEP)
            if self._left < 0:
                break
            if (found := hard.decided(text, limit)) is not None:
                return found
        self._undecided = (hard.pattern, text)
        return False


_BUDGET: Final = ContextVar[Budget]("_BUDGET")
"""Of the payload that is looked at: the library calls the keyword below without saying for whom."""


class HardPattern:
    """A pattern that is matched by trying."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._is: dict[int, Any] = {}
        self._is_not: dict[int, Any] = {}

    def decided(self, text: str, limit: int) -> bool | None:
        """Whether the text matches; None: that takes more steps than the limit."""
        if limit not in self._is:
            schema, options = (
                {"pattern": self.pattern},
                jsonschema_rs.FancyRegexOptions(backtrack_limit=limit),
            )
            self._is_not[limit] = jsonschema_rs.Draft202012Validator({"not": schema}, pattern_options=options)
            self._is[limit] = jsonschema_rs.Draft202012Validator(schema, pattern_options=options)
        if self._is[limit].is_valid(text):
            return True
        return False if self._is_not[limit].is_valid(text) else None


class _Pattern:
    """The keyword `pattern`, within a budget."""

    def __init__(self, _parent: Any, pattern: str, _path: Any) -> None:
        self._pattern = pattern
        self._hard = _hard(pattern)

    def validate(self, value: object) -> None:
        if isinstance(value, str) and not self._matches(value):
            raise ValueError(f'"{value}" does not match "{self._pattern}"')

    def _matches(self, text: str) -> bool:
        if self._hard is None:
            return bool(self._linear.is_valid(text))
        return _BUDGET.get().matches(self._hard, text)

    @cached_property
    def _linear(self) -> Any:
        return jsonschema_rs.Draft202012Validator({"pattern": self._pattern}, pattern_options=_LINEAR)


class HardPatterns:
    """The patterns of one schema that are matched by trying."""

    def __init__(self, schema: Any) -> None:
        """The schema must be one."""
        self._keys = [hard for pattern in _patterns_of_keys(schema) if (hard := _hard(pattern)) is not None]
        self._some = bool(self._keys) or any(_hard(pattern) is not None for pattern in _patterns(schema))

    @property
    def keywords(self) -> dict[str, Any]:
        """What the library must be given for a schema with these patterns."""
        return {"keywords": {"pattern": _Pattern}} if self._some else {}

    def begin(self, value: object) -> Budget:
        """A budget for the value, for what is validated next. Keys of objects are looked at right here."""
        budget = Budget()
        if self._some:
            _BUDGET.set(budget)
        if self._keys:
            for key in {key for part in _objects(value) for key in part if isinstance(key, str)}:
                for hard in self._keys:
                    budget.matches(hard, key)
        return budget


@cache
def _hard(pattern: str) -> HardPattern | None:
    if _compiles(pattern, _LINEAR) or not _compiles(pattern, BOUNDED):
        return None  # the second: no pattern of the schema, but a text in an example or an enum
    return HardPattern(pattern)


def _compiles(pattern: str, options: Any) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _patterns(schema: Any) -> Iterator[str]:
    return (
        pattern
        for part in _objects(schema)
        if "pattern" in part and isinstance(pattern := part["pattern"], str)
    )


def _patterns_of_keys(schema: Any) -> Iterator[str]:
    for part in _objects(schema):
        if isinstance(named := part.get("patternProperties"), Mapping):
            yield from named


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects within a value, and itself."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            yield part
            left += part.values()
        elif isinstance(part, list | tuple):
            left += part


def _texts(value: object) -> Iterator[tuple[Path, str]]:
    """The texts within a value, keys among them, and where they stand."""
    left: list[tuple[Path, object]] = [((), value)]
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
