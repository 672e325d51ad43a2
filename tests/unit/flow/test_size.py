"""`python -m agent_runtime.flow.size` finds node classes that have grown too long."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime.flow import size

LONG = 151


def a_class(header: str, lines: int = LONG) -> str:
    """The source of a class of so many lines."""
    return "\n".join([header, *(f"    x{number} = {number}" for number in range(lines - 1))]) + "\n"


def found(path: Path) -> list[str]:
    return [each.name for each in size.too_long([path])]


HEADERS = {
    "from agent_runtime.flow import Node\nclass A(Node):": True,
    "from agent_runtime.flow import AsyncParallelBatchFlow as Passes\nclass A(Passes):": True,
    "from agent_runtime.flow.asynchronous import AsyncNode\nclass A(AsyncNode):": True,
    "from agent_runtime.flow import *\nclass A(BatchNode):": True,
    "from agent_runtime import flow\nclass A(flow.Flow):": True,
    "import agent_runtime.flow\nclass A(agent_runtime.flow.Node):": True,
    "import agent_runtime.flow as f\nclass A(Generic[T], f.BatchFlow):": True,
    "from pocketflow import Node\nclass A(Node):": True,
    "from agent_runtime.flow import Node\nclass Short(Node): ...\nclass A(Short):": True,
    "from agent_runtime.flow import Node\nclass Short(Node, Generic[T]): ...\nclass A(Short[int]):": True,
    "try:\n    from agent_runtime.flow import Node\nexcept ImportError: ...\nclass A(Node):": True,
    "from ast import AST as Node\nclass A(Node):": False,
    "class Node: ...\nclass A(Node):": False,
    "from agent_runtime.flow import Observer\nclass A(Observer):": False,
    "from agent_runtime.flows import Node\nclass A(Node):": False,
    "class A:": False,
}


@pytest.mark.parametrize(("header", "is_node"), HEADERS.items(), ids=HEADERS.keys())
def test_node_classes_are_known_by_what_they_derive_from(tmp_path: Path, header: str, is_node: bool) -> None:
    file = tmp_path / "nodes.py"
    file.write_text(a_class(header))
    assert found(file) == (["A"] if is_node else [])


@pytest.mark.parametrize(("lines", "too_long"), [(150, False), (151, True)])
def test_150_lines_are_allowed_decorators_among_them(tmp_path: Path, lines: int, too_long: bool) -> None:
    file = tmp_path / "nodes.py"
    file.write_text("from agent_runtime.flow import Node\n@final\n" + a_class("class A(Node):", lines - 1))
    assert found(file) == (["A"] if too_long else [])


@pytest.mark.parametrize(
    "how",
    [
        "from app.base import Step\nclass A(Step):",
        "from .base import Step\nclass A(Step):",
        "from . import base\nclass A(base.Step):",
        "from ..app.base import Step as S\nclass A(S):",
        "import app.base as b\nclass A(b.Step):",
        "from base import Step\nclass A(Step):",
    ],
)
def test_classes_of_other_files_in_the_folder_are_followed(tmp_path: Path, how: str) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "base.py").write_text("from agent_runtime.flow import Node\nclass Step(Node): ...\n")
    (app / "nodes.py").write_text(a_class(how))
    assert found(tmp_path) == ["A"]


def test_classes_inside_of_functions_count_too(tmp_path: Path) -> None:
    inner = a_class("class Inner(Node):").replace("\n", "\n    ")
    file = tmp_path / "nodes.py"
    file.write_text(f"from agent_runtime.flow import Node\ndef make():\n    {inner}\n    return Inner\n")
    assert found(file) == ["Inner"]


def test_the_command_names_the_place_and_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "nodes.py"
    file.write_text(a_class("from pocketflow import Node\n\nclass Giant(Node):", 200))
    message = f"{file}:3: class Giant(Node) has 200 lines, more than 150: split it\n"
    for options, status in (([], 0), (["--strict"], 1)):
        command = [sys.executable, "-m", "agent_runtime.flow.size", *options, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr, done.returncode) == (message, "", status)


def test_nothing_to_say_is_success_also_when_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.py").write_text("")
    assert size.main(["--strict", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("gone.py", None, "gone.py: No such file"), ("bad.py", "def", "bad.py:1: not Python: ")],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit) as exit_:
        size.main([str(tmp_path / name)])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
