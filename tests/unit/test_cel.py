"""CEL: compiled once, evaluated many times, errors that name the expression."""

import pytest

from agent_runtime.cel import CelError, Expression


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("payload.n > 1 && 'new' in tags", True),
        ("type == 'Idea'", True),
        ("type(1) == int", True),
        ("tags.exists(type, type == 'new')", True),
        ("has(payload.missing)", False),
        ("payload.n + 1", 3),
        ("[payload.n, 0.5, null, 'x']", [2, 0.5, None, "x"]),
        ("'a,b'.split(',')", ["a", "b"]),
    ],
)
def test_values(source: str, expected: object) -> None:
    variables = {"payload": {"n": 2}, "tags": ["new"], "type": "Idea"}
    expression = Expression(source, variables)
    assert expression.evaluate(variables) == expected
    assert expression.evaluate_in(expression.activation(variables)) == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("payload.n >", "unexpected end, at character 12"),
        ("paylod.n", "undeclared reference to 'paylod.n', at character 7"),
        ("", "unexpected end"),
        ("nothing(1)", "undeclared reference to 'nothing'"),
    ],
)
def test_what_does_not_compile(source: str, says: str) -> None:
    with pytest.raises(CelError) as refused:
        Expression(source, ["payload"])
    assert str(refused.value).startswith(f"expression {source!r} does not compile: ")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("payload.missing == 1", "Key not found in map"),
        ("1 / payload.zero", "divide by zero"),
        ("payload.zero", "must yield true or false, got int"),
    ],
)
def test_a_predicate_never_guesses(source: str, says: str) -> None:
    with pytest.raises(CelError, match=says):
        Expression(source, ["payload"]).holds({"payload": {"zero": 0}})
