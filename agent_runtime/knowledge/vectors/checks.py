"""What every vector store refuses alike, before it does anything."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from agent_runtime.knowledge.vectors.port import MOST_DIMENSIONS, MOST_HITS, Entry, Refused, Scalar

_LONGEST_NAME = 256
_LONGEST_ID = 512


def check_collection(name: str, dimension: int) -> None:
    """A name and a dimension that a collection can have."""
    _check_text("the name of a collection", name, _LONGEST_NAME)
    if not 1 <= dimension <= MOST_DIMENSIONS:
        raise Refused(
            f'collection "{name}": {dimension} dimensions, want 1 to {MOST_DIMENSIONS}; '
            "many embedding models give fewer when asked for fewer"
        )


def check_entries(entries: Sequence[Entry], dimension: int) -> None:
    """Ids, vectors and metadata that a collection of that dimension can hold."""
    for entry in entries:
        _check_text("an entry's id", entry.id, _LONGEST_ID)
        check_vector(f'entry "{entry.id}"', entry.vector, dimension)
        _check_json(f'entry "{entry.id}": metadata', entry.metadata)


def check_search(vector: Sequence[float], top_k: int, where: Mapping[str, Scalar], dimension: int) -> None:
    """A question that can be answered."""
    check_vector("the vector to search for", vector, dimension)
    if not 1 <= top_k <= MOST_HITS:
        raise Refused(f"top_k is {top_k}, want 1 to {MOST_HITS}")
    for field, value in where.items():
        _check_json("where", {field: value})
        if not isinstance(value, Scalar):
            raise Refused(f'where: field "{field}" is {value!r}, want text, a number or a truth value')


def check_vector(what: str, vector: Sequence[float], dimension: int) -> None:
    """It has a direction in that many dimensions."""
    if len(vector) != dimension:
        raise Refused(f"{what}: {len(vector)} dimensions, and the collection has {dimension}")
    length = math.hypot(*vector)
    # the stores keep four bytes a number, in which what is smaller is zero and what is larger infinite
    if not 1e-18 < length < 1e18:
        raise Refused(
            f"{what}: a vector of length {length:g} has no direction: want finite numbers, not all zero"
        )


def _check_text(what: str, text: str, longest: int) -> None:
    if not 1 <= len(text) <= longest:
        raise Refused(f"{what} has {len(text)} characters, want 1 to {longest}")
    _check_json(what, text)


def _check_json(what: str, value: Any) -> None:
    """JSON that comes back as it went: no NaN, which would be null, and no NUL, which Postgres refuses."""
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise Refused(f"{what}: no JSON: {error}") from error
    _check_leaves(what, value)


def _check_leaves(what: str, value: Any) -> None:
    match value:
        case dict():
            for name, each in value.items():
                _check_leaves(what, name)
                _check_leaves(what, each)
        case list() | tuple():
            for each in value:
                _check_leaves(what, each)
        case float() if not math.isfinite(value):
            raise Refused(f"{what}: {value} is no JSON number")
        case str() if "\0" in value:
            raise Refused(f"{what}: {value!r} has a NUL in it")
