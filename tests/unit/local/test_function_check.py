"""Functions that Flows name are looked up before anything runs; importing them harms nobody."""

from pathlib import Path

import pytest

from agent_runtime.local import function_check
from agent_runtime.local.function_check import function_faults
from agent_runtime.local.manifests import load

FLOW = """apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: k}
spec:
  start: a
  nodes:
    - {name: a, python: {function: "%s"}}
"""


@pytest.mark.parametrize(
    ("module", "function", "message"),
    [
        ("def boom(): ...\n", "steps:boom", None),
        ("import sys\nprint('loud')\ndef boom(): ...\n", "steps:boom", None),
        ("import helper\ndef boom(): ...\n", "steps:boom", "its module imports helper, which is not there"),
        ("def boom(): ...\n", "steps:bom", "has no function bom in "),
        ("def boom(): ...\n", "stesp:boom", "there is no module stesp"),
        ("boom = 5\n", "steps:boom", "boom is a int, not a function"),
        ("def boom(:\n", "steps:boom", "SyntaxError: invalid syntax (steps.py, line 1)"),
        ("import sys\nsys.exit(3)\n", "steps:boom", "SystemExit: 3"),
        ("import os\nos._exit(9)\n", "steps:boom", "importing ended the process with status 9"),
    ],
)
def test_a_function_that_cannot_be_called_is_a_fault_of_its_line(
    tmp_path: Path, module: str, function: str, message: str | None
) -> None:
    (tmp_path / "steps.py").write_text(module)
    (tmp_path / "f.yaml").write_text(FLOW % function)
    faults = function_faults(load([tmp_path]).resources, tmp_path)
    if message is None:
        assert faults == []
        return
    (fault,) = faults
    assert (fault.file.name, fault.line, fault.path) == ("f.yaml", 7, "spec.nodes[0].python.function")
    assert message in fault.message


def test_an_import_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_check, "PATIENCE", 0.5)
    (tmp_path / "steps.py").write_text("import time\nwhile True: time.sleep(1)\n")
    (tmp_path / "f.yaml").write_text(FLOW % "steps:boom")
    (fault,) = function_faults(load([tmp_path]).resources, tmp_path)
    assert "was not imported in 0.5s" in fault.message
