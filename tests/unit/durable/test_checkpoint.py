"""What a checkpoint takes, and what it refuses by name."""

import enum
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from agent_runtime.durable import Checkpoint, CheckpointError
from agent_runtime.durable.checkpoint import End, decode, encode
from agent_runtime.flow import Frame


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


def state(shared: dict[str, Any], **fields: Any) -> Checkpoint:
    return Checkpoint("f" * 32, shared, **fields)


def circle() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def test_it_reads_back_equal() -> None:
    checkpoint = state(
        {
            "text": "é\u0000",
            "numbers": [1, -(2**63), 2**64 - 1, 1.5, -0.0],
            "none": None,
            "deep": [{"a": [True]}],
        },
        frames={
            "": Frame("", "batch", "again", {}, 7),
            "batch[2]/": Frame("batch[2]/", None, None, {"topic": "tea"}, 3),
        },
        visits={"batch[2]/write": 2},
        extra={"usage": 12},
        end=End("done"),
    )
    assert decode(encode(checkpoint), of="run 'a'") == checkpoint


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        (
            {"plan": [0, 1, 2, {"when": datetime(2026, 1, 1, tzinfo=UTC)}]},
            r"^shared\.plan\[3\]\.when: a datetime is not JSON; store text \(isoformat\(\)\), "
            r"or declare the key 'plan' transient$",
        ),
        ({"a b": {"c-d": {1}}}, r'^shared\["a b"\]\["c-d"\]: a set is not JSON; store a list, or'),
        ({"pair": (1, 2)}, r"^shared\.pair: a tuple is not JSON; store a list"),
        ({"score": float("nan")}, r"^shared\.score: nan is not JSON; store None, or text"),
        ({"score": [float("-inf")]}, r"^shared\.score\[0\]: -inf is not JSON"),
        ({"id": uuid.UUID(int=1)}, r"^shared\.id: a UUID is not JSON; store text"),
        ({"price": Decimal("1.5")}, r"^shared\.price: a Decimal is not JSON; store text"),
        ({"colour": Colour.RED}, r"^shared\.colour: a Colour is not JSON; store its value"),
        ({"point": Point(1)}, r"^shared\.point: a Point is not JSON; store what it holds"),
        ({"raw": b"1"}, r"^shared\.raw: a bytes is not JSON; store text \(base64\)"),
        ({"counts": defaultdict(int)}, r"^shared\.counts: a defaultdict is not JSON; store a plain dict"),
        ({"by_year": {2026: 1}}, r"^shared\.by_year: the key 2026 \(int\) is not JSON; keys are text"),
        ({"large": 2**70}, r"^shared\.large: an integer of more than 64 bits is not JSON; store text"),
        ({"torn": "\ud800"}, r"^shared\.torn: text with lone surrogates is not JSON"),
        ({"client": object()}, r"^shared\.client: a object is not JSON"),
        ({"ring": circle()}, r"^shared\.ring\[0\].*: what is nested so deep is not JSON; .* no value ins"),
    ],
)  # fmt: skip
def test_what_is_not_json_is_named(shared: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        encode(state(shared))


def test_other_parts_are_named_too() -> None:
    params = {"": Frame("", "next", None, {"made": [datetime(2026, 1, 1, tzinfo=UTC)]}, 1)}
    with pytest.raises(CheckpointError, match=r'^frames\[""\]\.params\.made\[0\]: a datetime is not JSON'):
        encode(state({}, frames=params))
    with pytest.raises(CheckpointError, match=r"^extra\.usage: a set is not JSON; store a list$"):
        encode(state({}, extra={"usage": {1}}))
    with pytest.raises(CheckpointError, match=r"^end\.action: a Colour is not JSON"):
        encode(state({}, end=End(Colour.RED)))


def test_transient_keys_are_left_out() -> None:
    body = encode(state({"client": object(), "topic": "tea"}), transient=frozenset({"client", "absent"}))
    assert decode(body, of="run 'a'").shared == {"topic": "tea"}


def test_what_is_too_large_names_the_largest_keys() -> None:
    shared = {"small": 1, "pages": ["x" * 600], "text": "y" * 500, "more": "z" * 30, "most": "w" * 700}
    with pytest.raises(
        CheckpointError,
        match=r"has 2,\d\d\d bytes, 1,000 are allowed\. The largest keys: shared\.most \(702 bytes\), "
        r"shared\.pages \(604 bytes\), shared\.text \(502 bytes\)\. Keep large things elsewhere",
    ):
        encode(state(shared), limit=1000)
    assert encode(state(shared), limit=3000)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-20],
        lambda body: b"",
        lambda body: b"[]",
        lambda body: b'"x"',
        lambda body: body.replace(b'"shared":{', b'"shard":{'),
        lambda body: body.replace(b'"steps":1', b'"steps":"1"'),
        lambda body: body.replace(b'"params":{}', b'"params":null'),
        lambda body: body.replace(b'"visits":{}', b'"visits":[]'),
    ],
)
def test_a_damaged_one_is_refused(damage: Any) -> None:
    body = encode(state({"a": 1}, frames={"": Frame("", "next", None, {}, 1)}))
    assert damage(body) != body
    with pytest.raises(
        CheckpointError, match=r"^run 'a', boundary 3: its checkpoint is damaged .* fork the run"
    ):
        decode(damage(body), of="run 'a', boundary 3")


def test_a_newer_format_is_refused() -> None:
    body = orjson.dumps({**orjson.loads(encode(state({}))), "format": 2})
    with pytest.raises(CheckpointError, match="has format 2, this Covey knows only 1"):
        decode(body, of="run 'a'")


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ({}, ()),
        ({"": "plan"}, ("plan",)),
        ({"": None}, ()),
        ({"": "review", "review/": "draft"}, ("review/draft",)),
        ({"": "b", "b[0]/": None, "b[1]/": "write", "b[2]/": "read"}, ("b[1]/write", "b[2]/read")),
        ({"": "a", "a!/": "x", "a!/#2": "y"}, ("a!/x", "a!/#2y")),
        ({"": "plan", "planner/": None}, ("plan",)),
    ],
)  # fmt: skip
def test_the_nodes_under_way(frames: dict[str, str | None], expected: tuple[str, ...]) -> None:
    checkpoint = state({}, frames={walk: Frame(walk, to, None, {}, 0) for walk, to in frames.items()})
    assert checkpoint.under_way() == expected
