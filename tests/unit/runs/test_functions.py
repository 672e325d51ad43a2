"""Which functions a python node may call: those of modules that are declared, or lie beside the manifests."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agent_runtime.runs import functions
from agent_runtime.runs.functions import FILE, Functions
from agent_runtime.runs.outcome import RunError
from tests.unit.runs.bench import Bench, config

STEPS = """
import functools
import json
import os
import subprocess
from os import system
from subprocess import Popen, getoutput as shell

calls = []
opened = functools.partial(os.system)

def good(): return "good"
def decorated(function):
    @functools.wraps(function)
    def around(): return function()
    return around
@decorated
def wrapped(): return "wrapped"

class Adder:
    def add(self): return "added"
    def __call__(self): return "called"
    @classmethod
    def make(cls): return "made"

adder = Adder()
"""
ATTACKS = {
    "subprocess:getoutput": "subprocess is of Python's standard library",
    "os:system": "os is of Python's standard library",
    "posix:system": "posix is of Python's standard library",
    "builtins:eval": "builtins is of Python's standard library",
    "json:codecs.open": "json is of Python's standard library",
    "importlib.util:find_spec": "importlib is of Python's standard library",
    "agent_runtime.processes.run_setup:clients": "agent_runtime is not for flows to call",
    "covey_operator.main:run": "covey_operator is not for flows to call",
    "__main__:main": "__main__ is not for flows to call",
    "httpx2:get": "the image does not declare the module httpx2",
    "yaml:unsafe_load": "the image does not declare the module yaml",
    "steps:os.system": "os is a module that steps imports",
    "steps:json.codecs.open": "json is a module that steps imports",
    "steps:subprocess": "subprocess is a module that steps imports",
    "steps:system": "of the module posix, not of steps",
    "steps:shell": "of the module subprocess, not of steps",
    "steps:Popen": "of the module subprocess, not of steps",
    "steps:opened": "of the module functools, not of steps",
    "steps:calls.append": "not of steps, which only imports it",
    "steps:good.__globals__.get": "two underscores",
    "steps:Adder.__subclasses__": "two underscores",
}
GOOD = {
    "steps:good": "good",
    "steps:wrapped": "wrapped",
    "steps:adder": "called",
    "steps:adder.add": "added",
    "steps:Adder.make": "made",
    "pack.inner:deep": "deep",
    "pack:again": "deep",
}


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "flows"
    (folder / "pack").mkdir(parents=True)
    (folder / "steps.py").write_text(STEPS)
    (folder / "pack/__init__.py").write_text("from pack.inner import deep as again\n")
    (folder / "pack/inner.py").write_text("def deep(): return 'deep'\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    for module in ("steps", "pack", "pack.inner"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return folder


@pytest.fixture(params=["declared", "beside"])
def bench(request: pytest.FixtureRequest, steps: Path) -> Bench:
    bench = Bench()
    by = {"declared": Functions(("steps", "pack")), "beside": Functions(folders=(steps,))}
    bench.functions = by[request.param]
    return bench


@pytest.mark.parametrize(("function", "why"), ATTACKS.items(), ids=ATTACKS.keys())
async def test_what_is_not_the_users_own_is_refused(bench: Bench, function: str, why: str) -> None:
    outcome = await bench.run(config({"name": "a", "python": {"function": function}}))
    assert isinstance(outcome.error, RunError)
    assert why in outcome.error.message
    assert "function of your own" in outcome.error.message


@pytest.mark.parametrize(("function", "result"), GOOD.items(), ids=GOOD.keys())
async def test_the_users_own_functions_are_called(bench: Bench, function: str, result: str) -> None:
    assert (await bench.run(config({"name": "a", "python": {"function": function}}))).result == result


async def test_a_module_that_is_not_declared_is_not_even_imported(steps: Path) -> None:
    (steps / "loud.py").write_text(f"open({str(steps / 'ran')!r}, 'w').close()\ndef f(): return 1\n")
    bench = Bench()
    bench.functions = Functions(("steps",))
    outcome = await bench.run(config({"name": "a", "python": {"function": "loud:f"}}))
    assert isinstance(outcome.error, RunError)
    assert "the image does not declare the module loud (it declares steps)" in outcome.error.message
    assert not (steps / "ran").exists()


@pytest.mark.parametrize(
    ("declared", "function", "allowed"),
    [
        ("steps", "steps:good", True),
        ("steps:good", "steps:good", True),
        ("steps:good", "steps:wrapped", False),
        ("pack.inner", "pack.inner:deep", True),
        ("pack.inner", "pack:again", False),
        ("pack:again", "pack:again", True),
        ("step", "steps:good", False),
    ],
)
async def test_an_image_declares_packages_modules_or_functions(
    steps: Path, declared: str, function: str, allowed: bool
) -> None:
    bench = Bench()
    bench.functions = Functions((declared,))
    outcome = await bench.run(config({"name": "a", "python": {"function": function}}))
    assert (outcome.error is None) is allowed


def test_an_image_declares_by_entry_points_and_by_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_text("# ours\nshop  # the shop\n\nbooks.orders:sift\n")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    point = EntryPoint("mill", "mill.steps", functions.GROUP)
    monkeypatch.setattr(functions, "entry_points", lambda group: [point] if group == point.group else [])
    functions._declared_here.cache_clear()
    try:
        found = Functions.of_image()
    finally:
        functions._declared_here.cache_clear()
    for name in ("shop.x:f", "books.orders:sift", "mill.steps:f"):
        found.check_name(name)
    for name in ("books.orders:other", "mill:f"):
        with pytest.raises(functions.FunctionNotAllowed, match="does not declare"):
            found.check_name(name)
