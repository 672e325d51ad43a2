"""The functions that python nodes may call: those of the user's own modules, and nothing that these import.

Whoever may write a Flow names a function, and must not be able to name any function there is: with
`subprocess` or `os` at hand a manifest would be a shell. So the image says which modules are meant for flows,
and the laptop takes those beside the manifests. Two checks, one before the module is imported (importing runs
code), and one of what was found there: it has to be *defined* in such a module. `steps:os.system` leads
through a module that `steps` imports, and is refused.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from agent_runtime.compile.flows.functions import CURE, forbidden

GROUP = "covey.functions"
"""Entry points by which an installed package declares: `NAME = "MODULE"` or `"MODULE:FUNCTION"`."""
FILE = "functions.txt"
"""In the folder of the Python environment, `/opt/covey` in the image: a module or function in each line."""


class FunctionNotAllowed(Exception):
    """The function is not for flows to call; the message says why and what to do."""


class Functions:
    """What may be called: `declared` modules with all beneath them or functions, and modules in `folders`."""

    def __init__(self, declared: Iterable[str] = (), folders: Iterable[Path] = ()) -> None:
        self._declared = tuple(dict.fromkeys(declared))
        self._folders = tuple(folder.resolve() for folder in folders)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where modules lie that may be called."""
        return self._folders

    @classmethod
    def of_image(cls, folders: Iterable[Path] = ()) -> Self:
        """What this Python environment declares, and the modules in `folders`."""
        return cls(_declared_here(), folders)

    def check_name(self, name: str) -> None:
        """Raises FunctionNotAllowed unless `name`, `MODULE:PATH`, may be imported and called."""
        why = forbidden(name)
        if why is None and not self._is_ours(name):
            module = name.partition(":")[0]
            listed = ", ".join(self._declared) or "none"
            why = f"the image does not declare the module {module} (it declares {listed}): {CURE}"
        if why is not None:
            raise FunctionNotAllowed(f"python {name}: {why}")

    def check_found(self, name: str, way: Iterable[Any], found: Callable[..., Any]) -> None:
        """Raises FunctionNotAllowed unless `found` is defined in a module that may be called.

        `way` are the objects that lie between the module and `found`.
        """
        for step in (*way, found):
            if isinstance(step, ModuleType):
                raise FunctionNotAllowed(
                    f"python {name}: {step.__name__} is a module that {name.partition(':')[0]} imports: name "
                    f"a function that is defined there, or {CURE}"
                )
        if name in self._declared:
            return
        home = _home(found)
        if home is None or not self._is_ours(f"{home}:{name.partition(':')[2]}") or forbidden(f"{home}:f"):
            where = f"of the module {home}" if home else "defined in no module"
            module = name.partition(":")[0]
            raise FunctionNotAllowed(
                f"python {name}: it is {where}, not of {module}, which only imports it: wrap it in "
                "a function of your own (a decorator needs functools.wraps)"
            )

    def _is_ours(self, name: str) -> bool:
        return any(_covers(each, name) for each in self._declared) or self._is_beside(name.partition(":")[0])

    def _is_beside(self, module: str) -> bool:
        """Whether the module's package lies in one of the folders; it is not imported for that."""
        if not self._folders:
            return False
        top = module.partition(".")[0]
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            # Nothing is there to be called: the import that follows says so.
            return top not in sys.modules
        places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
        return all(_within(place, self._folders) for place in places)


def _covers(declared: str, name: str) -> bool:
    """Whether what is declared is the function itself, its module, or a package around that."""
    if ":" in declared:
        return declared == name
    module = name.partition(":")[0]
    return module == declared or module.startswith(f"{declared}.")


def _within(place: str, folders: Iterable[Path]) -> bool:
    path = Path(place)
    return path.is_absolute() and any(path.resolve().is_relative_to(folder) for folder in folders)


def _home(found: Callable[..., Any]) -> str | None:
    """The module that defines a function, a class, a method, or the class of an object that is called."""
    home = getattr(found, "__module__", None)
    if home is None:
        home = getattr(type(found), "__module__", None)
    return home if isinstance(home, str) else None


@cache
def _declared_here() -> tuple[str, ...]:
    declared = [entry.value.replace(" ", "") for entry in entry_points(group=GROUP)]
    file = Path(sys.prefix) / FILE
    if file.is_file():
        lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
        declared += [line for line in lines if line]
    return tuple(declared)
