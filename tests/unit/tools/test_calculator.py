"""calculator: arithmetic and nothing else."""

import pytest

from agent_runtime.tools.builtin.calculator import calculate
from agent_runtime.tools.port import ToolError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("2 ** 10", 1024),
        ("-2 ** 2", -4),
        ("sqrt(16) + abs(-1)", 5.0),
        ("round(2.345, 1)", 2.3),
        ("max(1, 2, 3) - min(4, 5)", -1),
        ("2 * pi", 6.283185307179586),
        ("9007199254740993 + 0", 9007199254740992.0),
        ("2 ** 1000", 2.0**1000),
        ("  1+1  ", 2),
    ],
)
def test_values(expression: str, value: float) -> None:
    result = calculate(expression)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("__import__('os').system('true')", "is not arithmetic; allowed are numbers"),
        ("(lambda: 1)()", "is not arithmetic"),
        ("[1, 2][0]", "is not arithmetic"),
        ("x + 1", "'x' is not arithmetic"),
        ("True + 1", "'True' is not arithmetic"),
        ("'a' * 3", "is not arithmetic"),
        ("open('/etc/passwd')", "is not arithmetic"),
        ("max(1, key=abs)", "is not arithmetic"),
        ("1 +", "is no arithmetic expression"),
        ("1 / 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("sqrt(-1)", "has no value"),
        ("sqrt(1, 2)", "has no value"),
        ("(-8) ** 0.5", "not a real number"),
        ("9 ** 9 ** 9", "has no value"),
        ("10 ** 400", "has no value"),
        ("1e308 * 10", "too large"),
        ("1" * 501, "longer than 500 characters"),
        ("(" * 300 + "1" + ")" * 100, "is no arithmetic expression"),
    ],
)
def test_what_is_refused_says_why(expression: str, message: str) -> None:
    with pytest.raises(ToolError) as caught:
        calculate(expression)
    assert message in str(caught.value)


def test_a_tower_of_powers_ends_at_once() -> None:
    with pytest.raises(ToolError):
        calculate("((((9**999)**999)**999)**999)")
