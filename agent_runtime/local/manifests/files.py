"""Small files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_runtime.local.errors import UserError


@contextmanager
def written(path: Path) -> Iterator[None]:
    """What the disk refuses while the path is written, as a UserError: full, read-only, or another's."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}",
            "Make room for it and let it be written, or choose another state folder with --state.",
            code=2,
        ) from error


def write_private(path: Path, text: str) -> None:
    """Replace the file's content in one step; only the user may read it (mode 0600). Raises UserError."""
    with written(path):
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
