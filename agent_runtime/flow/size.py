"""`python -m agent_runtime.flow.size [--strict] PATH...`: finds node classes that have grown too long.

A node is one step. One that needs more than 150 lines does several, and they cannot be tested, retried or
resumed apart. Files are read, not imported. Exits with 1 when --strict and a class is too long, with 2 for a
path that is not there or a file that is not Python.
"""

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 150
NODES = frozenset(
    f"{prefix}{kind}"
    for prefix, kinds in {
        "": ("BaseNode", "Node", "BatchNode", "Flow", "BatchFlow"),
        "Async": ("Node", "BatchNode", "ParallelBatchNode", "Flow", "BatchFlow", "ParallelBatchFlow"),
    }.items()
    for kind in kinds
)
"""The classes of the flow core."""
CORES = ("agent_runtime.flow", "pocketflow")
"""The modules they come from."""


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A node class where it is defined; `lines` counts its decorators and docstring, too."""

    file: Path
    line: int
    name: str
    bases: str
    lines: int

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}: class {self.name}({self.bases}) has {self.lines} lines, "
            f"more than {LIMIT}: split it"
        )


class _Module:
    """The classes of one file, and what the names in it stand for."""

    def __init__(self, file: Path) -> None:
        self.file = file
        parts = file.resolve().with_suffix("").parts[1:]
        self.name = ".".join(part for part in parts if part != "__init__")
        package = self.name if file.stem == "__init__" else self.name.rpartition(".")[0]
        tree = ast.parse(file.read_bytes(), str(file))
        self.classes: list[ast.ClassDef] = []
        self._names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.classes.append(node)
                self._names[node.name] = f"{self.name}.{node.name}"
            elif isinstance(node, ast.Import):
                for each in node.names:
                    bound = each.asname or each.name.partition(".")[0]
                    self._names[bound] = each.name if each.asname else bound
            elif isinstance(node, ast.ImportFrom):
                self._import(_source(node, package), node.names)

    def _import(self, source: str, names: list[ast.alias]) -> None:
        for each in names:
            if each.name == "*":
                self._names |= {name: f"{source}.{name}" for name in NODES}
            else:
                self._names[each.asname or each.name] = f"{source}.{each.name}"

    def stands_for(self, base: ast.expr) -> str:
        """The full dotted name of a base class."""
        if isinstance(base, ast.Subscript):  # Node[Text]
            base = base.value
        name, _, rest = ast.unparse(base).partition(".")
        return self._names.get(name, name) + (f".{rest}" if rest else "")


def node_classes(files: Iterable[Path]) -> Iterator[NodeClass]:
    """The node classes in `files`, also those that derive from a node class in another of them.

    Raises SyntaxError or OSError for a file that cannot be read as Python.
    """
    modules = [_Module(file) for file in files]
    known: set[str] = set()
    waiting = [(module, each) for module in modules for each in module.classes]
    while True:
        found = [(module, each) for module, each in waiting if _is_node(module, each, known)]
        if not found:
            return
        known |= {f"{module.name}.{each.name}" for module, each in found}
        waiting = [(module, each) for module, each in waiting if f"{module.name}.{each.name}" not in known]
        for module, each in found:
            yield _measured(module.file, each)


def too_long(paths: Iterable[Path]) -> list[NodeClass]:
    """The node classes of more than LIMIT lines in these files and folders, by place."""
    files = sorted({file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])})
    return sorted(
        (each for each in node_classes(files) if each.lines > LIMIT), key=lambda each: (each.file, each.line)
    )


def _measured(file: Path, each: ast.ClassDef) -> NodeClass:
    first = min([each.lineno, *(one.lineno for one in each.decorator_list)])
    bases = ", ".join(ast.unparse(base) for base in each.bases)
    return NodeClass(file, each.lineno, each.name, bases, (each.end_lineno or first) - first + 1)


def _is_node(module: _Module, each: ast.ClassDef, known: set[str]) -> bool:
    return any(_is_known(module.stands_for(base), known) for base in each.bases)


def _is_known(name: str, known: set[str]) -> bool:
    source, _, last = name.rpartition(".")
    if last in NODES and any(source == core or source.startswith(f"{core}.") for core in CORES):
        return True
    # Imports are relative to a root that the paths given may not show: src/nodes.py is imported as `nodes`.
    return name in known or ("." in name and any(one.endswith(f".{name}") for one in known))


def _source(node: ast.ImportFrom, package: str) -> str:
    """The module that an import names; `from . import x` counts from the package around."""
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is too long; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m agent_runtime.flow.size",
        description=f"Finds node classes of more than {LIMIT} lines.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a Python file or a folder")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a class is too long")
    options = parser.parse_args(arguments)
    try:
        found = too_long(options.paths)
    except SyntaxError as fault:
        parser.error(f"{fault.filename}:{fault.lineno}: not Python: {fault.msg}")
    except OSError as fault:
        parser.error(f"{fault.filename}: {fault.strerror}")
    for each in found:
        sys.stdout.write(f"{each}\n")
    return 1 if found and options.strict else 0


if __name__ == "__main__":
    raise SystemExit(main())
