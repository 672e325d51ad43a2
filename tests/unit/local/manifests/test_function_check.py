"""Functions that Flows name are looked up before anything runs; importing them harms nobody."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_runtime.local.manifests import function_check
from agent_runtime.local.manifests.function_check import function_faults
from agent_runtime.local.manifests.function_watch import Found, FunctionWatch
from agent_runtime.local.manifests.load import load

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
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
            "steps:boom",
            "importing ended the process by SIGKILL",
        ),
        ("import subprocess\nsubprocess.Popen(['sleep', '600'])\ndef boom(): ...\n", "steps:boom", None),
        ("def __getattr__(name): raise ValueError(name)\n", "steps:boom", "ValueError: boom"),
        ("def f(): ...\n", "steps:boom", "define it there, or name another"),
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


def test_a_module_that_ends_the_process_or_has_no_end_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function_check, "PATIENCE", 10)
    (tmp_path / "good.py").write_text("def f(): ...\n")
    (tmp_path / "killer.py").write_text("import os\nos.abort()\n")
    (tmp_path / "hangs.py").write_text("import time\nwhile True: time.sleep(1)\n")
    (tmp_path / "zlast.py").write_text("def f(): ...\n")
    names = ["good:f", "hangs:f", "hangs:g", "killer:f", "zlast:f", "zlast:g"]
    wrong = function_check.look_up(names, tmp_path)
    assert set(wrong) == {"hangs:f", "hangs:g", "killer:f", "zlast:g"}
    assert "was not imported in 10s" in wrong["hangs:g"]
    assert "importing ended the process by SIGABRT" in wrong["killer:f"]


INLINE = """apiVersion: covey.dev/v1alpha1
kind: FlowRun
metadata: {name: once}
spec:
  flowSpec:
    start: a
    nodes:
      - {name: a, python: {function: "stesp:boom"}}
"""


def test_a_run_with_a_flow_of_its_own_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(INLINE)
    (fault,) = function_faults(load([tmp_path]).resources, tmp_path)
    assert (fault.line, fault.path) == (8, "spec.flowSpec.nodes[0].python.function")
    assert "there is no module stesp" in fault.message


async def test_a_flow_is_looked_up_again_when_its_module_changes(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("def bom(): ...\n")
    (tmp_path / "f.yaml").write_text(FLOW % "steps:boom")
    (source,) = load([tmp_path]).resources
    news: asyncio.Queue[Found] = asyncio.Queue()
    watch = FunctionWatch(tmp_path, news.put_nowait)
    watch.follow({"k": source.manifest})
    try:
        async with asyncio.timeout(60):
            (problem,) = (await news.get())["k"]
            assert problem.reason == "FunctionNotFound"
            assert "has no function boom" in problem.message
            (tmp_path / "steps.py").write_text("def boom(): ...  # is there now\n")
            assert await news.get() == {"k": ()}
        assert not watch.problems
    finally:
        await watch.close()


HANGS = """import os, pathlib, time
pathlib.Path(__file__).with_name("began").write_text(str(os.getpid()))
time.sleep(600)
"""


def test_a_look_that_hangs_ends_with_the_watch(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(HANGS)
    (tmp_path / "f.yaml").write_text(FLOW % "steps:boom")
    (source,) = load([tmp_path]).resources
    began = tmp_path / "began"

    async def look() -> None:
        watch = FunctionWatch(tmp_path, lambda found: None)
        watch.follow({"k": source.manifest})
        async with asyncio.timeout(60):
            await asyncio.to_thread(_until, lambda: began.exists() and began.read_text() != "")
            await watch.close()

    asyncio.run(look())
    assert not Path(f"/proc/{began.read_text()}").exists()


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
