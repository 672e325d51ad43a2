"""Templates: any JSON value whose strings may hold `${...}`, a CEL expression.

A string that is exactly one `${...}` becomes the expression's value, whatever its type; within other text
the value becomes text: a string as it is, everything else as compact JSON. `$${` is a literal `${`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.core.cel import CelError, Expression


class Template:
    """A JSON value with its expressions compiled.

    Raises CelError when one does not compile or a `${` is never closed; the message names it.
    """

    __slots__ = ("_root", "_variables")

    def __init__(self, value: object, variables: Iterable[str]) -> None:
        self._variables = tuple(variables)
        self._root = self._compile(value)

    def render(self, variables: Mapping[str, object]) -> object:
        """The value with every expression evaluated, as plain JSON. Raises CelError."""
        return _render(self._root, variables)

    def _compile(self, value: object) -> object:
        match value:
            case str():
                return self._compile_text(value)
            case Mapping():
                return {key: self._compile(item) for key, item in value.items()}
            case list() | tuple():
                return [self._compile(item) for item in value]
            case _:
                return value

    def _compile_text(self, text: str) -> object:
        parts = tuple(
            Expression(piece.source, self._variables) if isinstance(piece, _Hole) else piece
            for piece in _split(text)
        )
        if not any(isinstance(part, Expression) for part in parts):
            return "".join(str(part) for part in parts)
        if len(parts) == 1:
            return parts[0]
        return _Text(parts)


def expressions_of(value: object) -> Iterator[str]:
    """The sources of all expressions in a template. Raises CelError for one that is never closed."""
    match value:
        case str():
            for piece in _split(value):
                if isinstance(piece, _Hole):
                    yield piece.source
        case Mapping():
            for item in value.values():
                yield from expressions_of(item)
        case list() | tuple():
            for item in value:
                yield from expressions_of(item)


@dataclass(frozen=True, slots=True)
class _Text:
    """Literal text and expressions, in order."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class _Hole:
    """What stands between `${` and `}`."""

    source: str


def _render(node: object, variables: Mapping[str, object]) -> object:
    match node:
        case Expression():
            return _json_value(node.evaluate(variables), node.source)
        case _Text(parts):
            return "".join(
                part if isinstance(part, str) else _as_text(_render(part, variables)) for part in parts
            )
        case dict():
            return {key: _render(item, variables) for key, item in node.items()}
        case list():
            return [_render(item, variables) for item in node]
        case _:
            return node


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _json_value(value: object, source: str) -> object:
    """CEL knows timestamps, durations and maps with numbers as keys; JSON gets them as text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return f"{value.total_seconds():g}s"
        case Mapping():
            return {_key(key): _json_value(item, source) for key, item in value.items()}
        case list() | tuple():
            return [_json_value(item, source) for item in value]
        case _:
            raise CelError(f"expression {source!r} yields {type(value).__name__}, which has no place in JSON")


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _split(text: str) -> Iterator[str | _Hole]:
    """Literal text and holes, in order; literal text is never empty, except for the empty template."""
    literal: list[str] = []
    position = 0
    if not text:
        yield ""
    while position < len(text):
        if text.startswith("$${", position):
            literal.append("${")
            position += 3
        elif text.startswith("${", position):
            end = _end_of_hole(text, position + 2)
            if literal:
                yield "".join(literal)
                literal = []
            yield _Hole(text[position + 2 : end])
            position = end + 1
        else:
            stop = text.find("$", position + 1)
            stop = len(text) if stop < 0 else stop
            literal.append(text[position:stop])
            position = stop
    if literal:
        yield "".join(literal)


def _end_of_hole(text: str, start: int) -> int:
    """Index of the `}` that closes the hole: not one within a CEL string or a CEL map."""
    depth = 0
    position = start
    while position < len(text):
        character = text[position]
        if character in "'\"":
            position = _end_of_string(text, position)
            continue
        if character == "}" and depth == 0:
            return position
        depth += {"{": 1, "}": -1}.get(character, 0)
        position += 1
    raise CelError(f"template {_shown(text[start - 2 :])} is never closed: a }} is missing, or write $${{")


def _end_of_string(text: str, start: int) -> int:
    """Index behind the CEL string literal that begins at `start`: quoted once or thrice, raw or not."""
    quote = text[start] * 3 if text.startswith(text[start] * 3, start) else text[start]
    raw = text[start - 1 : start] in ("r", "R")
    position = start + len(quote)
    while position < len(text):
        if text[position] == "\\" and not raw:
            position += 2
        elif text.startswith(quote, position):
            return position + len(quote)
        else:
            position += 1
    return len(text)


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 60 else f"{text[:57]}...", ensure_ascii=False)
