"""YAML with positions: every value knows the line and column it stands at.

Built on the parser's events instead of its object constructor: memory and depth stay bounded whatever the
file holds (aliases that multiply, brackets without end), a key that is there twice is seen, and scalars
become what they become in `kubectl apply`: a date stays text.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

MAX_BYTES = 4 * 1024 * 1024
"""The largest file that is read."""
MAX_VALUES = 200_000
"""Values in one file, each alias counted with all that it stands for."""
MAX_DEPTH = 64

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where something stands; both numbers begin at 1."""

    line: int
    column: int


class InvalidYaml(ValueError):
    """The text is not YAML that a manifest may consist of."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.position = position


class NumberTooLarge(InvalidYaml):
    """The text is a number, and neither JSON nor the stores can hold it."""


@dataclass(slots=True)
class Document:
    """One document of a file, and where its values stand, by path such as `spec.nodes[2].next`."""

    value: Any
    positions: dict[str, Position] = field(default_factory=dict)

    def position(self, path: str) -> Position:
        """Where the value at `path` stands, or else the innermost value around it that is there."""
        while path and path not in self.positions:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.positions[path]


def read_documents(content: bytes, *, letters: bool = True) -> Iterator[Document]:
    """The documents of a file, empty ones left out. Raises InvalidYaml where it goes wrong.

    With `letters` a `y` or `n` without quotes is true or false, as for kubectl; else it is a text.
    """
    text = _decoded(content)
    reader = _Reader(text, letters=letters)
    try:
        yield from reader.documents()
    except yaml.MarkedYAMLError as error:
        position = _position(error.problem_mark or error.context_mark)
        message = f"this is not YAML: {error.problem or error.context}"
        if "\t" in "".join(text.splitlines()[position.line - 1 : position.line]):
            message += "; a tab is there, and YAML is indented with spaces"
        raise InvalidYaml(message, position) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InvalidYaml(f"this is not YAML: {error.reason}", position) from error


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 2**20} MiB, which no manifest is"
        raise InvalidYaml(message, Position(1, 1))
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidYaml(f"this is not text in UTF-8: {error.reason}", Position(line, 1)) from error


class _Reader:
    """Turns one file's events into documents, in one pass."""

    def __init__(self, text: str, *, letters: bool) -> None:
        self._letters = letters
        self._events = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._positions: dict[str, Position] = {}
        self._size = 0

    def documents(self) -> Iterator[Document]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                self._positions = {}
                value = self._value(next(self._events), "", 0)
                if value is not None:
                    yield Document(value, self._positions)

    def _value(self, event: yaml.Event, path: str, depth: int) -> Any:
        position = _position(event.start_mark)
        self._positions.setdefault(path, position)
        self._spend(1, position)
        if depth > MAX_DEPTH:
            raise InvalidYaml(f"nested more than {MAX_DEPTH} levels deep", position)
        before = self._size
        match event:
            case yaml.AliasEvent():
                return self._alias(event, position)
            case yaml.ScalarEvent():
                value: Any = _scalar(event, self._letters)
            case yaml.SequenceStartEvent(tag=None | "tag:yaml.org,2002:seq"):
                value = self._sequence(path, depth)
            case yaml.MappingStartEvent(tag=None | "tag:yaml.org,2002:map"):
                value = self._mapping(path, depth)
            case _:
                raise _foreign_tag(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = (value, self._size - before + 1)
        return value

    def _alias(self, event: yaml.AliasEvent, position: Position) -> Any:
        if event.anchor not in self._anchors:
            raise InvalidYaml(f"alias *{event.anchor} has no anchor &{event.anchor} before it", position)
        value, size = self._anchors[event.anchor]
        self._spend(size, position)
        return value

    def _spend(self, values: int, position: Position) -> None:
        self._size += values
        if self._size > MAX_VALUES:
            raise InvalidYaml(f"the file holds more than {MAX_VALUES} values, aliases expanded", position)

    def _sequence(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            position = _position(event.start_mark)
            key = _key(event, position, self._letters)
            here = f"{path}.{key}" if path else key
            if key in own:
                raise InvalidYaml(
                    f'key "{key}" is there already, at line {self._positions[here].line}', position
                )
            self._positions[here] = position
            value = self._value(next(self._events), here, depth + 1)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged = _merged(value, position) | merged
            else:
                own[key] = value
        return merged | own


def _merged(value: Any, position: Position) -> dict[str, Any]:
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise InvalidYaml("<< takes a mapping, or a list of them", position)
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        merged |= source
    return merged


def _key(event: yaml.Event, position: Position, letters: bool) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise InvalidYaml("a key is a text, not a list or a mapping", position)
    if event.implicit[0] and event.value != "<<":
        value = _scalar(event, letters)
        if not isinstance(value, str):
            raise InvalidYaml(
                f'YAML takes the key {event.value} for {_word_for(value)}: write "{event.value}"', position
            )
    return str(event.value)


def _word_for(value: object) -> str:
    return {bool: "true or false", type(None): "nothing"}.get(type(value), "a number")


_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)")
_INTEGERS = range(-(2**63), 2**64)
_MOST_DIGITS = 100
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_CORE_TAGS = {"tag:yaml.org,2002:str", "!"}


@cache
def _booleans() -> dict[str, bool]:
    """YAML 1.1's words, as kubectl reads them: in lower case, upper case or capitalized."""
    words = dict.fromkeys(("true", "yes", "y", "on"), True) | dict.fromkeys(
        ("false", "no", "n", "off"), False
    )
    return {form: value for word, value in words.items() for form in (word, word.upper(), word.capitalize())}


def _scalar(event: yaml.ScalarEvent, letters: bool) -> str | int | float | bool | None:
    text: str = event.value
    if not event.implicit[0] or event.style:
        if event.tag is not None and event.tag not in _CORE_TAGS:
            raise _foreign_tag(event)
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in _booleans() and (letters or len(text) > 1):
        return _booleans()[text]
    digits = text.replace("_", "")
    if _OCTAL.fullmatch(digits):
        return _integer(digits, 8, event)
    if _INTEGER.fullmatch(digits):
        return _integer(digits, 0, event)
    if not _NUMBER.fullmatch(digits):
        return text
    number = float(digits)
    if not math.isfinite(number):
        raise NumberTooLarge(
            f"{_cut(digits)} is too large for a number: put it in quotes", _position(event.start_mark)
        )
    return number


def _integer(digits: str, base: int, event: yaml.ScalarEvent) -> int:
    """What JSON and the stores can hold: 64 bits."""
    # The length first: Python reads no decimal of more than 4,300 digits.
    value = int(digits, base) if len(digits) <= _MOST_DIGITS else None
    if value is None or value not in _INTEGERS:
        raise NumberTooLarge(
            f"the number {_cut(digits)} has more than 64 bits: put it in quotes", _position(event.start_mark)
        )
    return value


def _cut(digits: str) -> str:
    return digits if len(digits) <= 40 else f"{digits[:20]}... ({len(digits)} characters)"


def _foreign_tag(event: Any) -> InvalidYaml:
    return InvalidYaml(
        f"tag {event.tag} is not allowed: manifests hold plain values", _position(event.start_mark)
    )


def _position(mark: Any) -> Position:
    """Position of a mark: of PyYAML's own class or of libyaml's, which share no base."""
    return Position(mark.line + 1, mark.column + 1) if mark is not None else Position(1, 1)
