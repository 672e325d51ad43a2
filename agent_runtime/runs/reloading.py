"""Modules beside the manifests, on the laptop: an edited one is imported again.

Before a function is looked up, the files of all modules that came from a watched folder are compared with
what they were when the module was first seen. When one has changed or is gone, all modules of the folder are
forgotten together: a helper that is edited would else stay bound in the modules that import it. The next call
of a function, of a new run or of one under way, so runs the code as it stands. A call that is under way ends
with the code it began with, and what modules keep in globals begins again.

In a cluster no folder is watched: an image does not change.
"""

import importlib
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

Stamp = tuple[int, int]

_folders: set[Path] = set()
_stamps: dict[str, Stamp | None] = {}


def watch_folder(folder: Path) -> None:
    """Import modules below this folder again when their files change."""
    _folders.add(folder.resolve())


def note_imports() -> None:
    """Remember the files of what has been imported since."""
    for name, _, file in _modules():
        if name not in _stamps:
            _stamps[name] = _stamp(file)


def forget_edited() -> bool:
    """Forget the modules of the watched folders when one of their files has changed; whether that was so."""
    if not _folders:
        return False
    note_imports()
    modules = list(_modules())
    if all(_stamps.get(name) == _stamp(file) for name, _, file in modules):
        return False
    for name, _, file in modules:
        sys.modules.pop(name, None)
        # Bytecode counts as current when size and second of the source are the same.
        with suppress(OSError, NotImplementedError, ValueError):
            Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
    for name, module in list(sys.modules.items()):
        if _is_namespace_within(module):
            sys.modules.pop(name, None)
    _stamps.clear()
    importlib.invalidate_caches()
    return True


def _modules() -> list[tuple[str, ModuleType, Path]]:
    """Name, module and file of what was imported from the watched folders."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and _is_within(Path(file)):
            found.append((name, module, Path(file)))
    return found


def _is_within(path: Path) -> bool:
    """Below a watched folder, and not of packages installed there, as in a `.venv`."""
    for folder in _folders:
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).parts
            return "site-packages" not in parts and not any(part.startswith(".") for part in parts)
    return False


def _is_namespace_within(module: ModuleType) -> bool:
    if getattr(module, "__file__", None) is not None:
        return False
    try:
        return any(_is_within(Path(path)) for path in getattr(module, "__path__", ()))
    except TypeError:
        return False


def _stamp(file: Path) -> Stamp | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
