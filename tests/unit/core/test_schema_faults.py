"""Why a value does not fit a schema, in bounded time, however the schema branches."""

import time
from typing import Any, NoReturn

import jsonschema_rs
import pytest

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.core.json_schema import faults_in
from agent_runtime.core.schema_faults import LONGEST_MESSAGE, MOST_FAULTS, SchemaValidator

SECONDS = 5.0
"""Far more than it takes, and far less than with all that the library collects."""


def _nothing(uri: str) -> NoReturn:
    raise ValueError(uri)


def _branches(inner: dict[str, Any]) -> list[dict[str, Any]]:
    of_a = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    return [of_a, {**of_a, "minProperties": 1}, {"type": "string"}]


SELF = {"$ref": "#"}
ENTANGLED: dict[str, Any] = {
    "anyOf that refers to itself": {"anyOf": _branches(SELF)},
    "oneOf": {"oneOf": _branches(SELF)},
    "both": {"anyOf": [{"oneOf": _branches(SELF)}, {"anyOf": _branches(SELF)}]},
    "a definition": {"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": _branches({"$ref": "#/$defs/n"})}}},
    "allOf": {
        "type": "object",
        "allOf": [{"properties": {"a": SELF}}, {"properties": {"a": SELF}}, {"properties": {"a": SELF}}],
    },
    "allOf of anyOf": {"allOf": [{"anyOf": _branches(SELF)}, {"anyOf": _branches(SELF)}]},
    "then": {"if": {"type": "object"}, "then": {"anyOf": _branches(SELF)}, "else": {"type": "string"}},
    "a choice that is referred to": {"anyOf": [*_branches(SELF), {"$ref": "#/anyOf/0"}]},
    "unevaluated": {"anyOf": _branches(SELF), "unevaluatedProperties": False},
}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def nested(levels: int) -> dict[str, Any]:
    """Written out, without references."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"anyOf": _branches(schema)}
    return schema


@pytest.mark.parametrize("schema", ENTANGLED.values(), ids=ENTANGLED)
def test_a_misfit_is_refused_in_no_time(schema: dict[str, Any]) -> None:
    began = time.monotonic()
    found = SchemaValidator(schema, _nothing).faults(deep(60))
    assert time.monotonic() - began < SECONDS
    assert 1 <= len(found) <= MOST_FAULTS
    assert all(0 < len(fault.message) <= LONGEST_MESSAGE for fault in found)


def test_choices_that_are_written_out_are_as_quick() -> None:
    schema = nested(9)
    began = time.monotonic()
    [(path, message)] = faults_in(schema, deep(9))
    assert time.monotonic() - began < SECONDS
    assert (path, message) == (
        "",
        '{"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}} is not valid under any of the '
        "schemas listed in the 'anyOf' keyword",
    )


def test_a_board_refuses_it_at_its_door() -> None:
    registry = TypeRegistry([ArtifactType(name="Tree", schema_={"type": "object", **ENTANGLED["oneOf"]})])
    with pytest.raises(BoardError, match="exactly one of the schemas listed in the 'oneOf'") as refused:
        registry.check("Tree", None, deep(60))
    assert refused.value.details[0]["pointer"] == "/payload"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param(
            {"properties": {"anyOf": {"type": "string"}, "x": {"oneOf": [{}, {}]}}}, {"anyOf": 1}, id="names"
        ),
        pytest.param(
            {"anyOf": [{"anyOf": [{"type": "null"}]}], "enum": [{"anyOf": []}]}, {"anyOf": []}, id="data"
        ),
        pytest.param({"items": {"anyOf": [{"oneOf": [{"const": 1}]}]}}, [1, 2, 3], id="items"),
        pytest.param({"not": {"anyOf": [{"type": "string"}, {"oneOf": [{}]}]}}, 1, id="not"),
        pytest.param({"allOf": [{"type": "string"}], "anyOf": [{"anyOf": [{}]}, {}]}, 1, id="beside allOf"),
    ],
)
def test_faults_are_where_the_library_finds_them(schema: dict[str, Any], value: Any) -> None:
    expected = list(jsonschema_rs.Draft202012Validator(schema).iter_errors(value))
    found = SchemaValidator(schema, _nothing).faults(value)
    assert [list(fault.path) for fault in found] == [error.instance_path for error in expected]
    assert [list(fault.keyword)[-1] for fault in found] == [error.schema_path[-1] for error in expected]


def test_many_faults_and_long_values_are_cut() -> None:
    found = faults_in({"items": {"type": "string"}}, [1] * 10_000)
    assert (len(found), found[0]) == (MOST_FAULTS, ("[0]", '1 is not of type "string"'))
    [(_, message)] = faults_in({"type": "integer"}, "x" * 100_000)
    assert len(message) <= LONGEST_MESSAGE
    assert message.endswith('is not of type "integer"')


@pytest.mark.parametrize("schema", ENTANGLED.values(), ids=ENTANGLED)
def test_what_fits_has_no_faults(schema: dict[str, Any]) -> None:
    value: Any = "leaf"
    exact = jsonschema_rs.Draft202012Validator(schema)
    assert bool(SchemaValidator(schema, _nothing).faults(value)) is not exact.is_valid(value)


HARD = r"^(a*)*\1$"
"""Each `a` more doubles the steps that it takes to find out that a text does not match."""
LONG = "a" * 40 + "b"


@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        ({"pattern": HARD}, LONG, ()),
        ({"properties": {"a": {"pattern": HARD}}}, {"a": LONG}, ("a",)),
        ({"properties": {"a": {"not": {"pattern": HARD}}}}, {"a": LONG}, ("a",)),
        ({"items": {"if": {"pattern": HARD}, "then": False}}, ["b", LONG], (1,)),
        ({"patternProperties": {HARD: False}}, {LONG: 1}, ()),
        ({"pattern": r"(a+)+(?=b)$"}, "a" * 5000, ()),
    ],
)
def test_a_match_that_is_given_up_is_a_refusal(schema: Any, value: Any, path: tuple[str | int, ...]) -> None:
    validator = SchemaValidator(schema, _nothing)
    assert not validator.is_valid(value)
    [fault] = validator.faults(value)
    assert fault.path[: len(path)] == path
    assert "takes too many steps to match the pattern" in fault.message


def test_many_texts_that_are_hard_to_match_are_refused_at_the_first() -> None:
    validator = SchemaValidator({"items": {"not": {"pattern": HARD}}}, _nothing)
    began = time.monotonic()
    assert not validator.is_valid([LONG] * 20_000)
    assert len(validator.faults([LONG] * 20_000)) == 1
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("behind", ["not", "anyOf", "then"])
def test_texts_of_one_payload_share_its_steps(behind: str) -> None:
    """Each is decided on its own, all together took a minute for a payload of 1 MiB."""
    hard: dict[str, Any] = {"pattern": HARD}
    schemas: dict[str, Any] = {
        "not": {"items": {"not": hard}},
        "anyOf": {"items": {"anyOf": [hard, {"minLength": 1}]}},
        "then": {"items": {"if": hard, "then": {"minLength": 1}}},
    }
    texts = [f"{'a' * 11}{at}" for at in range(60_000)]
    validator = SchemaValidator(schemas[behind], _nothing)
    began = time.monotonic()
    assert not validator.is_valid(texts)
    [fault] = validator.faults(texts)
    assert time.monotonic() - began < SECONDS
    assert 10 < int(str(fault.path[0])) < 1000
    assert f"texts together have taken too many steps to match the pattern {HARD}" in fault.message
    assert "send fewer or shorter ones at once" in fault.message
    assert validator.is_valid(texts[:5])


def test_keys_share_them_too() -> None:
    keys = {f"{'a' * 11}{at}": 1 for at in range(60_000)}
    began = time.monotonic()
    [fault] = SchemaValidator({"patternProperties": {HARD: {"type": "string"}}}, _nothing).faults(keys)
    assert time.monotonic() - began < SECONDS
    assert "texts together have taken too many steps" in fault.message


def test_a_step_counts_for_more_in_a_long_text() -> None:
    """Each step of it looks at the whole text: 1 MiB of it took minutes."""
    began = time.monotonic()
    [fault] = SchemaValidator({"items": {"pattern": "(?=.*b)a"}}, _nothing).faults(["ab", "a" * 1_000_000])
    assert time.monotonic() - began < SECONDS
    assert fault.path == (1,)
    assert "shorten it, or write the pattern without look-around" in fault.message


def test_texts_that_are_decided_soon_take_no_steps() -> None:
    texts = [f"user-{at}@example.com" for at in range(50_000)]
    assert SchemaValidator({"items": {"pattern": r"^(?=.{1,64}@)[^@]+@[^@]+$"}}, _nothing).is_valid(texts)


def test_a_large_misfit_is_told_by_its_first_fault() -> None:
    """The library collects them all, with all branches of each, before it tells the first."""
    one = {"anyOf": [{"type": "object", "required": [f"k{at}"]} for at in range(20)]}
    began = time.monotonic()
    [fault] = SchemaValidator({"items": one}, _nothing).faults([{"k1": 0}, *[{"x": 1}] * 90_000])
    assert time.monotonic() - began < SECONDS
    assert (fault.path, fault.keyword) == ((1,), ("items", "anyOf"))
    assert fault.message.endswith("not valid under any of the schemas listed in the 'anyOf' keyword")


def test_what_is_nested_too_deeply_for_the_library_is_a_fault() -> None:
    node = {"items": {"$ref": "#/$defs/n"}, "minItems": 2}
    tree = SchemaValidator({"$ref": "#/$defs/n", "$defs": {"n": node}}, _nothing)
    value: Any = 1
    for _ in range(900):
        value = [value]
    assert not tree.is_valid(value)
    assert [fault.message for fault in tree.faults(value)] == ["it is nested too deeply to be checked"]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^(?=.*[a-z])(?=.*[0-9]).{8,}$", "abc1" * 20_000),
        (r"^(?!.*secret).*$", "x" * 100_000),
        (r"([a-z])\1", "ab" * 1000 + "cc"),
        (r"(a+)+$", "a" * 200_000),
    ],
)
def test_patterns_as_people_write_them_take_long_texts(pattern: str, text: str) -> None:
    validator = SchemaValidator({"properties": {"a": {"pattern": pattern}}}, _nothing)
    assert validator.is_valid({"a": text})
    assert validator.faults({"a": text}) == []
