"""What a Python function raised is told so that its author finds it: type, message, place, traceback."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from agent_runtime.runs import reloading
from agent_runtime.runs.failures import MOST_MESSAGE, MOST_TRACEBACK
from agent_runtime.runs.functions import Functions
from agent_runtime.runs.outcome import Outcome, RunError
from agent_runtime.runs.termination import MAX_BYTES, encode
from tests.unit.runs.bench import Bench, config

SOURCE = """
import asyncio, sys


def plain():
    raise ValueError("no report")


def silent():
    raise LookupError


def chained():
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("cannot read the table") from error


def group():
    raise ExceptionGroup("two of them", [ValueError("one"), KeyError("two")])


def surrogates():
    raise ValueError("r\\udce9sum\\udce9.txt is no report")


def huge():
    raise ValueError("x" * 5_000_000)


def leave():
    sys.exit(3)


def interrupt():
    raise KeyboardInterrupt


async def async_leave():
    await asyncio.sleep(0)
    raise SystemExit("bye")


async def cancelled():
    raise asyncio.CancelledError


async def cancels_itself():
    asyncio.current_task().cancel()
    await asyncio.sleep(1)


class Hostile(Exception):
    __class__ = property(lambda self: 1 / 0)


def hostile():
    raise Hostile


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def unprintable():
    raise Unprintable


def deep(n=0):
    return deep(n + 1)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported, and are imported again when they are edited."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(reloading, "_folders", {tmp_path.resolve()})
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def _bench() -> Bench:
    """Its flows may call functions of the modules in the folder, as on the laptop."""
    bench = Bench()
    bench.functions = Functions(folders=reloading._folders)
    return bench


async def _error(function: str) -> RunError:
    async with asyncio.timeout(60):
        outcome = await _bench().run(config({"name": "a", "python": {"function": function}}))
    assert outcome.error is not None
    assert outcome.error.node == "a"
    return outcome.error


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        ("plain", "ValueError", "ValueError: no report (steps_a.py:6, in plain)"),
        ("silent", "LookupError", "python steps_a:silent: LookupError (steps_a.py:10, in silent)"),
        (
            "chained",
            "RuntimeError",
            "cannot read the table, caused by KeyError: 'key' (steps_a.py",
        ),
        ("group", "ExceptionGroup", "two of them (2 sub-exceptions): ValueError: one; KeyError: 'two' ("),
        ("surrogates", "ValueError", "ValueError: r\\udce9sum\\udce9.txt is no report ("),
        ("leave", "SystemExit", "SystemExit: 3 ("),
        ("interrupt", "KeyboardInterrupt", "KeyboardInterrupt (steps_a.py:"),
        ("async_leave", "SystemExit", "SystemExit: bye (steps_a.py:"),
        ("cancelled", "CancelledError", "CancelledError (steps_a.py:"),
        ("cancels_itself", "CancelledError", "CancelledError (steps_a.py:"),
        ("hostile", "Hostile", "Hostile, which cannot be looked at: ZeroDivisionError"),
        ("unprintable", "Unprintable", "Unprintable: (its message cannot be read: RuntimeError)"),
        ("deep", "RecursionError", "RecursionError: maximum recursion depth exceeded"),
    ],
)
async def test_type_message_and_line_are_told(folder: Path, function: str, kind: str, message: str) -> None:
    (folder / "steps_a.py").write_text(SOURCE)
    error = await _error(f"steps_a:{function}")
    assert error.kind == kind
    assert message in error.message
    assert f"in {function}" in error.trace
    assert "agent_runtime/runs" not in error.trace
    orjson.dumps(error.wire())


async def test_the_traceback_shows_the_line_and_its_cause(folder: Path) -> None:
    (folder / "steps_b.py").write_text(SOURCE)
    trace = (await _error("steps_b:chained")).trace
    assert f'File "{folder / "steps_b.py"}", line 15, in chained' in trace
    assert trace.index("KeyError: 'key'") < trace.index("direct cause") < trace.index("RuntimeError: cannot")


async def test_however_long_the_message_what_is_kept_is_bounded(folder: Path) -> None:
    (folder / "steps_c.py").write_text(SOURCE)
    error = await _error("steps_c:huge")
    assert len(error.message) <= MOST_MESSAGE
    assert len(error.trace) <= MOST_TRACEBACK + 100
    assert len(encode(Outcome(error=error))) <= MAX_BYTES


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("def f(:\n", "SyntaxError", "(steps_d.py, line 1)"),
        ("import sys\nsys.exit(4)\n", "SystemExit", "its module cannot be imported: SystemExit: 4 ("),
        ("1 / 0\n", "ZeroDivisionError", "division by zero (steps_d.py:1, in <module>)"),
        ("from json import nothing\n", "ImportError", "cannot import name 'nothing'"),
        ("def gather(): ...\n", "", "has no function gathr in "),
        ("def gather(): ...\n", "", "did you mean gather?"),
    ],
)
async def test_a_module_that_cannot_be_used_is_told(
    folder: Path, source: str, kind: str, message: str
) -> None:
    (folder / "steps_d.py").write_text(source)
    error = await _error("steps_d:gathr")
    assert error.kind == kind
    assert message in error.message


def _write(file: Path, text: str) -> None:
    """As an editor: the time of the change differs, also when the clock of the file system is coarse."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    if file.stat().st_mtime_ns == before:
        os.utime(file, ns=(before + 1, before + 1))


async def _result(function: str) -> object:
    return (await _bench().run(config({"name": "a", "python": {"function": function}}))).result


async def test_an_edited_module_counts_for_the_next_call(folder: Path) -> None:
    _write(folder / "steps_e.py", "def f(): return 1\n")
    assert await _result("steps_e:f") == 1
    _write(folder / "steps_e.py", "def f(): return 2\n")
    assert await _result("steps_e:f") == 2
    assert await _result("steps_e:f") == 2


async def test_so_does_an_edited_helper_that_it_imports(folder: Path) -> None:
    (folder / "kit").mkdir()
    _write(folder / "kit" / "words.py", "WORD = 'old'\n")
    _write(folder / "steps_f.py", "from kit.words import WORD\ndef f(): return WORD\n")
    assert await _result("steps_f:f") == "old"
    _write(folder / "kit" / "words.py", "WORD = 'new'\n")
    assert await _result("steps_f:f") == "new"


async def test_what_is_not_edited_keeps_its_globals(folder: Path) -> None:
    _write(folder / "steps_g.py", "calls = []\ndef f(): calls.append(1); return len(calls)\n")
    assert [await _result("steps_g:f"), await _result("steps_g:f")] == [1, 2]


async def test_a_module_that_is_gone_is_missed(folder: Path) -> None:
    _write(folder / "steps_h.py", "def f(): return 1\n")
    assert await _result("steps_h:f") == 1
    (folder / "steps_h.py").unlink()
    assert "there is no module steps_h" in (await _error("steps_h:f")).message
