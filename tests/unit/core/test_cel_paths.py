"""An expression that fails on its values says which value it met, and where."""

from typing import Any

import pytest

from agent_runtime.core.cel import CelError, Expression

ROUTE = "To billing."


@pytest.mark.parametrize(
    ("source", "shared", "says"),
    [
        (
            "shared.route.to == 'x'",
            {"route": ROUTE},
            f"shared.route is the text \"{ROUTE}\", which has no 'to'",
        ),
        ("has(shared.a.b)", {"a": "x"}, "shared.a is the text \"x\", which has no 'b'"),
        ("shared.a.b.c == 1", {"a": {"b": 7}}, "shared.a.b is the number 7, which has no 'c'"),
        ("shared.a[0].x == 1", {"a": [None]}, "shared.a[0] is null, which has no 'x'"),
        ("shared['a-b'].c", {"a-b": True}, "shared['a-b'] is true, which has no 'c'"),
        ("shared.a['x'] == 1", {"a": [1]}, "shared.a is a list of 1, which has no 'x'"),
        ("shared.a.b == 1", {"a": {"x": 1, "y": 2}}, 'shared.a has no \'b\', it has "x", "y"'),
        ("shared.a[3] == 1", {"a": [1]}, "shared.a is a list of 1, which has no 3"),
        ("shared.a > 1", {"a": "x"}, 'shared.a is the text "x"'),
        ("shared.a.b.startsWith('x')", {"a": {"b": 3}}, "shared.a.b is the number 3"),
        ("size(shared.a) > 1", {"a": 3}, "shared.a is the number 3"),
        ("shared.a.all(x, x > 1)", {"a": 3}, "shared.a is the number 3"),
        ("'shared.no.no' == shared.b.c", {"b": "y" * 200}, 'shared.b is the text "' + "y" * 59 + "...,"),
    ],
)
def test_the_value_and_its_path_are_said(source: str, shared: dict[str, Any], says: str) -> None:
    with pytest.raises(CelError) as caught:
        Expression(source, ["shared"]).evaluate({"shared": shared})
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"expression {source!r} failed: ")


def test_what_the_values_do_not_explain_stays_as_it_is() -> None:
    with pytest.raises(CelError, match=r"failed: divide by zero$"):
        Expression("1 / shared.a == 1", ["shared"]).evaluate({"shared": {"a": 0}})
