"""How commands print: in one place, and so that a process always ends with a status and no traceback."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import agent_runtime.cli
from agent_runtime.cli.output.printing import coloured

COVEY = str(Path(sys.executable).with_name("covey"))
SOURCES = sorted(Path(agent_runtime.cli.__file__).parent.rglob("*.py"))
ELSEWHERE = {"print", "echo", "secho", "write", "writelines"}
RICH = {"live.py": 2, "up.py": 1}
"""`Console.print`, of what was made visible before."""


def run(line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell, in which $COVEY is the command."""
    kept = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COVEY": COVEY}
    return subprocess.run(
        ["bash", "-c", line], env={**kept, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_only_one_module_writes_to_a_stream(source: Path) -> None:
    if source.name == "printing.py":
        return
    written = [
        f"{source.name}:{call.lineno}"
        for call in ast.walk(ast.parse(source.read_text()))
        if isinstance(call, ast.Call)
        and (
            (isinstance(call.func, ast.Name) and call.func.id in ELSEWHERE)
            or (isinstance(call.func, ast.Attribute) and call.func.attr in ELSEWHERE)
        )
    ]
    assert len(written) == RICH.get(source.name, 0), written


@pytest.mark.parametrize("command", ["--version", "--help", "validate x.yaml"])
@pytest.mark.parametrize("to", [">/dev/full", ">&-", "2>/dev/full", "2>&-", "&>/dev/full", "| true"])
def test_there_is_no_traceback_whatever_the_output_is(command: str, to: str) -> None:
    done = run(f"$COVEY {command} {to}")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_full_disk_is_an_error_that_says_so() -> None:
    done = run("$COVEY version >/dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        "error: standard output cannot be written: no space left on device\nSend it somewhere else.\n"
    )


def test_a_reader_that_went_away_is_no_error() -> None:
    assert run("set -o pipefail; $COVEY --help | true").returncode == 0


def test_what_the_encoding_lacks_is_escaped() -> None:
    done = run("$COVEY validate 你.yaml", PYTHONIOENCODING="latin-1")
    assert "\\u4f60.yaml: there is no such file or folder" in done.stderr


def test_wrong_use_names_the_culprit_and_the_cure() -> None:
    done = run("$COVEY get --colour")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no such option: --colour\nUsage: covey get ")
    assert done.stderr.endswith("See: covey get --help\n")


@pytest.mark.parametrize(
    ("environ", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals_whose_owner_wants_them(
    environ: dict[str, str], terminal: bool, wanted: bool
) -> None:
    class Stream:
        def isatty(self) -> bool:
            return terminal

    assert coloured(Stream(), environ) is wanted  # type: ignore[arg-type] # only this is asked
