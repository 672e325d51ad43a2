"""Why a value does not fit a JSON Schema, in bounded time and size.

Whether it fits is quickly told. But for each `anyOf` that fails, the library also collects why each of its
branches failed, of which nothing is shown: with some of them within each other that takes minutes, several
times as long with each level. So faults are asked of another schema that lets the same through, in which
`anyOf` and `oneOf` stand behind a double `not`: then they are only decided.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NoReturn

import jsonschema_rs

from agent_runtime.core.schema_patterns import BOUNDED, HardPatterns

MOST_FAULTS = 50
LARGEST_EXPLAINED = 20_000
"""Values within a value, and parts of texts, of which all faults are collected; of more it is the first."""
LONGEST_MESSAGE = 500
_PART_OF_TEXT = 16
"""Characters of a text that take as long as one value."""
_SCHEMA = frozenset(
    {
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_SCHEMAS = frozenset({"allOf", "prefixItems"})
_NAMED_SCHEMAS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_CHOICES = ("anyOf", "oneOf")
_UNFIT = "it does not fit the schema, which branches too much to say where"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a value."""

    path: tuple[str | int, ...]
    """Where in the value."""
    message: str
    keyword: tuple[str | int, ...]
    """Where in the schema, as far as it is known."""


class SchemaValidator:
    """One schema, compiled once. Nothing is fetched from anywhere."""

    def __init__(self, schema: Any, retriever: Callable[[str], NoReturn]) -> None:
        """Raises jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError."""
        self._schema = schema
        self._retriever = retriever
        jsonschema_rs.Draft202012Validator(schema, retriever=retriever, pattern_options=BOUNDED)
        self._hard = HardPatterns(schema)
        self._exact = self._compiled(schema)

    def is_valid(self, value: object) -> bool:
        """Whether the value fits."""
        return not self.faults(value)

    def faults(self, value: object) -> list[Fault]:
        """The first faults; empty when it fits. For a schema that refers to itself it may be one of many.

        Of a large value it is the first one.
        """
        budget = self._hard.begin(value)
        try:
            found = [] if budget.is_used_up else self._told(value)
        except ValueError:  # the library's own recursion limit
            return [Fault((), "it is nested too deeply to be checked", ())]
        if budget.is_used_up:
            path, message = budget.undecided_in(value)
            return [Fault(path, _cut(message), ())]
        return found

    def _told(self, value: object) -> list[Fault]:
        if self._exact.is_valid(value):
            return []
        found = [] if self._explainer is None else self._found(self._explainer, value)
        return found or [Fault((), _UNFIT, ())]

    def _compiled(self, schema: Any) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(
            schema, retriever=self._retriever, pattern_options=BOUNDED, **self._hard.keywords
        )

    def _found(self, explainer: jsonschema_rs.Draft202012Validator, value: object) -> list[Fault]:
        if not self._refers and _is_small(value):
            return [_fault(error) for error in islice(explainer.iter_errors(value), MOST_FAULTS)]
        try:  # the library collects all that is wrong, which may double with each level, before it tells any
            explainer.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [_fault(error)]
        return []

    @cached_property
    def _refers(self) -> bool:
        """Whether parts of the schema refer to others, and so perhaps to themselves, from several places."""
        keywords = list(_keywords(self._schema))
        return "allOf" in keywords and not {"$ref", "$dynamicRef"}.isdisjoint(keywords)

    @cached_property
    def _explainer(self) -> jsonschema_rs.Draft202012Validator | None:
        """None: the double `not` would change what the schema lets through, or what it refers to."""
        keywords = list(_keywords(self._schema))
        choices = sum(keyword in _CHOICES for keyword in keywords)
        if choices == 0:
            return self._exact
        if not {"$dynamicRef", "unevaluatedItems", "unevaluatedProperties"}.isdisjoint(keywords):
            return None
        try:
            return self._compiled(_decided(self._schema))
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
            return None


def _is_small(value: object) -> bool:
    left, size = [value], 0
    while left and size <= LARGEST_EXPLAINED:
        part = left.pop()
        if isinstance(part, Mapping):
            size += 1 + len(part)
            left += part.values()
        elif isinstance(part, list | tuple):
            size += 1 + len(part)
            left += part
        elif isinstance(part, str):
            size += len(part) // _PART_OF_TEXT
    return size <= LARGEST_EXPLAINED


def _decided(schema: Any) -> Any:
    """The schema with its choices behind a double `not`, which lets through what they do."""
    if not isinstance(schema, Mapping):
        return schema
    out: dict[str, Any] = {}
    behind: list[Any] = []
    for keyword, value in schema.items():
        if keyword in _CHOICES:
            behind.append({"not": {"not": {keyword: value}}})
        elif keyword in _SCHEMA:
            out[keyword] = _decided(value)
        elif keyword in _SCHEMAS:
            out[keyword] = [_decided(one) for one in value]
        elif keyword in _NAMED_SCHEMAS:
            out[keyword] = {name: _decided(one) for name, one in value.items()}
        else:
            out[keyword] = value
    if behind:
        out["allOf"] = [*out.get("allOf", ()), *behind]
    return out


def _keywords(schema: Any) -> list[str]:
    """All keywords of a schema and of those within it, each as often as it stands there."""
    if not isinstance(schema, Mapping):
        return []
    found: list[str] = []
    for keyword, value in schema.items():
        found.append(keyword)
        if keyword in _SCHEMA:
            found += _keywords(value)
        elif keyword in _SCHEMAS or keyword in _CHOICES:
            found += [inner for one in value for inner in _keywords(one)]
        elif keyword in _NAMED_SCHEMAS:
            found += [inner for one in value.values() for inner in _keywords(one)]
    return found


def _fault(error: jsonschema_rs.ValidationError) -> Fault:
    path, message, keyword = tuple(error.instance_path), error.message, tuple(error.schema_path)
    for choice, fits in (("anyOf", "any"), ("oneOf", "exactly one")):
        if keyword[-1:] == ("not",) and message.startswith(f'{{"not":{{"{choice}":'):
            value = _cut(json.dumps(error.instance, ensure_ascii=False))
            message = f"{value} is not valid under {fits} of the schemas listed in the '{choice}' keyword"
            keyword = (*keyword[:-3], choice)
    return Fault(path, _cut(message), keyword)


def _cut(text: str) -> str:
    """Both ends of what is too long: what is wrong stands at the end, of what at the beginning."""
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = (LONGEST_MESSAGE - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
