"""CEL: compiled once, evaluated many times, errors that name the expression."""

import re

import pytest

from agent_runtime.core.cel import CelError, Expression


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
        ("'a", "a text is not closed on its line, at character 1"),
        (
            "['a'].join('\n')",
            r"a text is not closed on its line (for a line break write \n, which YAML keeps",
        ),
        ('payload == "a\nb"', r"(for a line break write \n"),
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


UNFIT = {
    "a value": ("admin\0 is not me", "user"),
    "nested": ({"k": ["x", {"y": "a\0b"}]}, "user.k[1].y"),
    "a key": ({"a": 1, "a\0b": 2}, "user.a\ufffdb"),
    "at the front": ("\0", "user"),
    "half a character": ({"k": "\ud83d"}, "user.k"),
    "bytes": (b"a\0b", "user"),
    "beside a value that is no JSON": ({"n": 2**70, "k": "a\0"}, "user.k"),
}


@pytest.mark.parametrize(("value", "where"), UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("source", ["user == 'admin'", "user", "other"])
def test_a_text_that_the_library_would_cut_is_refused_with_its_place(
    source: str, value: object, where: str
) -> None:
    variables = {"user": value, "other": "fine"}
    with pytest.raises(CelError, match=re.escape(f"expressions cannot read {where}: it holds ")):
        Expression(source, variables).evaluate(variables)


@pytest.mark.parametrize("source", ["'a\0b'", "user == 'a' // \0", "'\ud83d'", "\0"])
def test_so_is_an_expression_with_one(source: str) -> None:
    with pytest.raises(CelError, match="does not compile: it holds "):
        Expression(source, ["user"])


@pytest.mark.parametrize(
    "source", [r"'a\u0000b'", r"{'k': ['\x00']}", r"string(b'a\x00b') + user", r"b'\x00'"]
)
def test_and_a_result_with_one(source: str) -> None:
    with pytest.raises(CelError, match="holds a NUL character"):
        Expression(source, ["user"]).evaluate({"user": "x"})


@pytest.mark.parametrize(
    ("source", "expected"),
    [(r"user.contains('\u0000')", False), (r"user + '\\'", "\\u0000\\"), ("user.size()", 6)],
)
def test_what_only_looks_like_one_passes(source: str, expected: object) -> None:
    assert Expression(source, ["user"]).evaluate({"user": r"\u0000"}) == expected
