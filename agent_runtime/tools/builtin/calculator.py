"""calculator: arithmetic, by walking the expression's syntax tree. Nothing is ever evaluated as code."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from agent_runtime.tools.port import Tool, ToolContext, ToolError, parameters

Number = int | float

_LONGEST = 500
"""Characters of an expression; bounds the depth of its tree as well."""
_LARGEST_EXPONENT = 1024
_EXACT = 2**53
"""Past this, JSON numbers are not exact everywhere."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "ln": math.log,
    "log10": math.log10,
    "max": max,
    "min": min,
    "round": round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}
_ALLOWED = (
    "numbers, + - * / // % **, parentheses, "
    f"{', '.join(sorted(_CONSTANTS))} and the functions {', '.join(_FUNCTIONS)}"
)


def calculate(expression: str) -> Number:
    """The value of an arithmetic expression. Raises ToolError, naming what is wrong and what is allowed."""
    if len(expression) > _LONGEST:
        raise ToolError(f"the expression is longer than {_LONGEST} characters: split it")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ToolError(f"{expression!r} is no arithmetic expression; allowed are {_ALLOWED}") from error
    try:
        value = _value(tree.body)
    except ZeroDivisionError as error:
        raise ToolError(f"{expression!r} divides by zero") from error
    except (ValueError, OverflowError, TypeError, RecursionError) as error:
        raise ToolError(f"{expression!r} has no value: {error}") from error
    if not math.isfinite(value):
        raise ToolError(f"{expression!r} is too large to be a number")
    return float(value) if isinstance(value, int) and abs(value) > _EXACT else value


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _real(_BINARY[type(op)](_value(left), _value(right)))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _real(_UNARY[type(op)](_value(operand)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _real(_FUNCTIONS[name](*(_value(argument) for argument in arguments)))
        case _:
            raise ToolError(f"{ast.unparse(node)!r} is not arithmetic; allowed are {_ALLOWED}")


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > _LARGEST_EXPONENT or abs(base) > _EXACT:
        base, exponent = float(base), float(exponent)  # overflows instead of filling the memory
    return _real(base**exponent)


def _real(value: object) -> Number:
    if not isinstance(value, int | float):
        raise ToolError("the value is not a real number")
    # Integers may grow without end, floats refuse.
    return value if isinstance(value, float) or abs(value) <= _EXACT else float(value)


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    expression: str = arguments["expression"]
    return {"expression": expression, "value": calculate(expression)}


CALCULATOR = Tool(
    name="calculator",
    description=f"Calculates an arithmetic expression exactly. Allowed are {_ALLOWED}.",
    parameters=parameters(
        ("expression",),
        expression={"type": "string", "description": "For example (3 + 4) * 2.5", "minLength": 1},
    ),
    run=_run,
)
