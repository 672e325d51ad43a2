"""Nodes that call a function of the user's own."""

import sys
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.runs.outcome import RunError
from tests.unit.runs.bench import Bench, config, python

HERE = "tests.unit.runs.functions"


@pytest.mark.parametrize(
    ("function", "given", "result"),
    [
        ("double", {"n": 4}, 8),
        ("later", {"n": 4}, 5),
        (
            "who",
            None,
            {"run": "news/r1/u1", "node": "a", "visit": 1, "index": None, "key": "news/r1/u1:a:1"},
        ),
    ],
)
async def test_a_function_plain_or_async_gets_its_input_and_who_calls(
    function: str, given: Any, result: Any
) -> None:
    assert (await Bench().run(config(python("a", function, given)))).result == result


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        (
            f"{HERE}:double",
            5,
            f"the input of python {HERE}:double must be an object of its keyword arguments",
        ),
        (
            f"{HERE}:double",
            {"m": 1},
            f"python {HERE}:double(n: int) -> int does not take this input: missing",
        ),
        (
            f"{HERE}:double",
            {"n": 1, "m": 1},
            "does not take this input: got an unexpected keyword argument 'm'",
        ),
        (f"{HERE}:nobody", {}, f"python {HERE}:nobody: {HERE} has no function nobody"),
        (f"{HERE}:NOT_A_FUNCTION", {}, "NOT_A_FUNCTION is a int, not a function"),
        ("no_such_module:f", {}, "python no_such_module:f: there is no module no_such_module: put it into"),
        ("tests.unit.runs.nothing.here:f", {}, "there is no module tests.unit.runs.nothing"),
        ("needs_more:f", {}, "python needs_more:f: its module imports not_installed, which is not there"),
        (
            "broken:f",
            {},
            "python broken:f: its module cannot be imported: ZeroDivisionError: division by zero",
        ),
        (f"{HERE}:when", {}, "returned what is not JSON: result: a datetime is not JSON; store text"),
        (f"{HERE}:not_a_number", {}, "returned what is not JSON: result.rows[1]: nan is not JSON"),
        (f"{HERE}:leave", {}, ":leave: SystemExit: 3 (functions.py:"),
        (f"{HERE}:type_error", {"n": 1}, "unsupported operand type(s) for +: 'int' and 'str'"),
        (f"{HERE}:never", {}, "no result within 0.05s: raise the node's timeout, or ask for less"),
        (f"{HERE}:async_never", {}, "no result within 0.05s: raise the node's timeout, or ask for less"),
    ],
)
async def test_what_cannot_be_called_is_named(
    function: str, given: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_more.py").write_text("import not_installed\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    node = {"name": "a", "python": {"function": function}, "input": given}
    node["timeout"] = "50ms" if function.endswith("never") else "60s"
    outcome = await Bench().run(config(node))
    assert isinstance(outcome.error, RunError)
    assert outcome.error.node == "a"
    assert message in outcome.error.message
