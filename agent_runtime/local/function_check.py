"""Whether the functions that Flows name are there: looked up in a process of their own.

Importing is running. In a process of its own a module can neither end `covey validate` nor leave anything
behind in `covey up`, and one that never comes to its end is given up.

    python -m agent_runtime.local.function_check FOLDER NAME...

prints a JSON object: the names that cannot be used, and why.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agent_runtime.local.manifests import FileFault, Source

PATIENCE = 60.0
"""Seconds that the imports may take in all."""
_MARK = "function-check: "


def function_faults(sources: Iterable[Source], folder: Path) -> list[FileFault]:
    """What is wrong with the functions of Python nodes, each at its place in the files."""
    named = [
        (source, f"spec.nodes[{index}].python.function", str(node["python"]["function"]))
        for source in sources
        if source.kind == "Flow"
        for index, node in enumerate(source.manifest["spec"]["nodes"])
        if isinstance(node.get("python"), Mapping)
    ]
    if not named:
        return []
    wrong = look_up(sorted({name for _, _, name in named}), folder)
    return [source.fault(field, wrong[name]) for source, field, name in named if name in wrong]


def folder_of(paths: Sequence[Path]) -> Path:
    """The folder of the manifests, whose modules can be imported; of several paths, the first."""
    return paths[0] if paths[0].is_dir() else paths[0].parent


def look_up(names: Sequence[str], folder: Path) -> Mapping[str, str]:
    """Of each function that cannot be used why, by name."""
    command = [sys.executable, "-m", "agent_runtime.local.function_check", str(folder.resolve()), *names]
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(each for each in (root, os.environ.get("PYTHONPATH", "")) if each)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return dict.fromkeys(names, f"its module, or that of another node, was not imported in {PATIENCE:g}s")
    for line in reversed(done.stdout.decode(errors="replace").splitlines()):
        if line.startswith(_MARK):
            found: dict[str, str] = json.loads(line.removeprefix(_MARK))
            return found
    tail = done.stderr.decode(errors="replace").strip()[-300:]
    return dict.fromkeys(names, f"importing ended the process with status {done.returncode}: {tail}")


def main(folder: str, names: Sequence[str]) -> None:
    """Print what cannot be used."""
    from agent_runtime.runs.errors import NodeFailed
    from agent_runtime.runs.functions import Functions
    from agent_runtime.runs.nodes.python import find

    functions = Functions.of_image([Path(folder)])
    sys.path.append(folder)
    wrong = {}
    for name in names:
        try:
            find(name, functions)
        except NodeFailed as error:
            wrong[name] = str(error).removeprefix(f"python {name}: ")
    sys.stdout.write(f"\n{_MARK}{json.dumps(wrong)}\n")
    sys.stdout.flush()
    os._exit(0)  # threads that a module started do not matter


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
