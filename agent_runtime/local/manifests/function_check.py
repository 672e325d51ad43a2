"""Whether the functions that Flows name are there: looked up in a process of their own.

Importing is running. In a process of its own a module can neither end `covey validate` nor leave anything
behind in `covey up`, and one that never comes to its end is given up. What it says goes through files: a pipe
would stay open for as long as a process that a module started.

    python -m agent_runtime.local.manifests.function_check RESULT FOLDER NAME...

writes lines of JSON to RESULT: `[NAME, null]` before it looks a function up, and `[NAME, WHY]` after.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent_runtime.compile.result import Manifest, Problem
from agent_runtime.local.manifests.load import FileFault, Source

PATIENCE = 60.0
"""Seconds that the imports of one process may take."""
REASON = "FunctionNotFound"
_TAIL = 300
_MOST_LATE = 3
"""Modules without an end that are left out, one after the other, before the rest is given up."""
_GRAPHS = {"Flow": ("spec",), "FlowRun": ("spec", "flowSpec")}
"""Where a kind has its nodes."""


def function_faults(sources: Iterable[Source], folder: Path) -> list[FileFault]:
    """What is wrong with the functions of Python nodes, each at its place in the files."""
    sources = [source for source in sources if functions_of(source.manifest)]
    wrong = look_up(names_in(source.manifest for source in sources), folder)
    return [
        source.fault(problem.field, problem.message)
        for source in sources
        for problem in problems_of(source.manifest, wrong)
    ]


def problems_of(manifest: Manifest, wrong: Mapping[str, str]) -> tuple[Problem, ...]:
    """What is wrong with the functions of one manifest; `wrong` is what `look_up` found."""
    return tuple(
        Problem("ResolvedRefs", REASON, f"{field}: {wrong[name]}", field)
        for field, name in functions_of(manifest)
        if name in wrong
    )


def names_in(manifests: Iterable[Manifest]) -> list[str]:
    """The functions that they name, each once."""
    return sorted({name for manifest in manifests for _, name in functions_of(manifest)})


def functions_of(manifest: Manifest) -> list[tuple[str, str]]:
    """(field, function) of the python nodes of a manifest without faults."""
    steps = _GRAPHS.get(str(manifest["kind"]))
    graph: Any = manifest if steps is not None else {}
    for step in steps or ():
        graph = graph.get(step) or {}
    field = ".".join(steps or ())
    return [
        (f"{field}.nodes[{index}].python.function", str(node["python"]["function"]))
        for index, node in enumerate(graph.get("nodes") or ())
        if isinstance(node.get("python"), Mapping)
    ]


def folder_of(paths: Sequence[Path]) -> Path:
    """The folder of the manifests, whose modules can be imported; of several paths, the first."""
    return paths[0] if paths[0].is_dir() else paths[0].parent


def look_up(names: Sequence[str], folder: Path) -> Mapping[str, str]:
    """Of each function that cannot be used why, by name."""
    search = _Search(list(names))
    while search.left:
        with _look_up(search.left, folder) as look:
            process = subprocess.Popen(look.command, stdin=subprocess.DEVNULL, **look.options)
            try:
                status: int | None = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                if process.poll() is None:
                    _kill(process.pid)
                    process.wait()
            search.note(look, status)
    return search.wrong


async def look_up_meanwhile(names: Sequence[str], folder: Path) -> Mapping[str, str]:
    """The same beside other work; the process ends when this is cancelled."""
    search = _Search(list(names))
    while search.left:
        with _look_up(search.left, folder) as look:
            process = await asyncio.create_subprocess_exec(
                *look.command, stdin=subprocess.DEVNULL, **look.options
            )
            try:
                async with asyncio.timeout(PATIENCE):
                    status: int | None = await process.wait()
            except TimeoutError:
                status = None
            finally:
                if process.returncode is None:
                    _kill(process.pid)
                    await process.wait()
            search.note(look, status)
    return search.wrong


@dataclass(frozen=True, slots=True)
class _Look:
    """One process that looks at functions."""

    command: Sequence[str]
    options: Mapping[str, Any]
    result: Path
    said: Path

    def lines(self) -> list[tuple[str, str | None]]:
        """(function, why it cannot be used: empty when it can, None while it is looked up), as written."""
        try:
            written = self.result.read_text(encoding="utf-8").splitlines()
            return [(str(name), why) for name, why in map(json.loads, written)]
        except (OSError, ValueError):
            return []

    def end(self, status: int) -> str:
        """How the process ended."""
        tail = self.said.read_text(encoding="utf-8", errors="replace").strip()[-_TAIL:]
        how = f"with status {status}" if status >= 0 else f"by {_signal(-status)}"
        return f"importing ended the process {how}: {tail}".rstrip(": ")


class _Search:
    """What is known so far. A module that ends the process, or has no end, is left out of the next one."""

    def __init__(self, left: list[str]) -> None:
        self.left = left
        self.wrong: dict[str, str] = {}
        self._late = 0

    def note(self, look: _Look, status: int | None) -> None:
        """What a process came to; None: it had not ended in time."""
        under_way = ""
        for name, why in look.lines():
            under_way = name if why is None else ""
            if why is not None:
                self._settle([name], why)
        if not self.left:
            return
        self._late += status is None
        why = f"its module was not imported in {PATIENCE:g}s" if status is None else look.end(status)
        if under_way and self._late < _MOST_LATE:
            module = under_way.partition(":")[0]
            self._settle([name for name in self.left if name.partition(":")[0] == module], why)
        else:
            self._settle(list(self.left), why)

    def _settle(self, names: list[str], why: str) -> None:
        self.left = [name for name in self.left if name not in names]
        if why:
            self.wrong.update(dict.fromkeys(names, why))


@contextmanager
def _look_up(names: Sequence[str], folder: Path) -> Iterator[_Look]:
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(each for each in (root, os.environ.get("PYTHONPATH", "")) if each)
    with TemporaryDirectory(prefix="covey-functions-", ignore_cleanup_errors=True) as scratch:
        result, said = Path(scratch) / "result", Path(scratch) / "said"
        module = "agent_runtime.local.manifests.function_check"
        command = [sys.executable, "-m", module, str(result), str(folder.resolve()), *names]
        with said.open("wb") as stream:
            options = {
                "stdout": subprocess.DEVNULL,
                "stderr": stream,
                "start_new_session": True,
                "env": {**os.environ, "PYTHONPATH": path},
            }
            yield _Look(command, options, result, said)


def _kill(pid: int) -> None:
    """The process, and those that its modules started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def main(result: str, folder: str, names: Sequence[str]) -> None:
    """Write what cannot be used."""
    from agent_runtime.core.background import encodable
    from agent_runtime.runs.errors import NodeFailed
    from agent_runtime.runs.failures import message_of
    from agent_runtime.runs.functions import Functions
    from agent_runtime.runs.nodes.python import find

    functions = Functions.of_image([Path(folder)])
    sys.path.append(folder)
    with Path(result).open("a", encoding="utf-8", buffering=1) as lines:
        for name in names:
            lines.write(f"{json.dumps([name, None])}\n")
            why = ""
            try:
                find(name, functions)
            except NodeFailed as error:
                why = encodable(message_of(error).removeprefix(f"python {name}: "))
            lines.write(f"{json.dumps([name, why])}\n")
    os._exit(0)  # threads that a module started do not matter


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
