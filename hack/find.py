"""How every program that is not our own is found: by what installs it and by what runs it alike.

In this order: PATH, the administrator's folders, then the places that the caller names, which are those
where Debian or our own cache puts it. With `COVEY_BARE=1` only what our own files installed counts; see
`hack.bare`.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hack import bare

SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_program(name: str, places: Sequence[str] = (), beside: Sequence[str] = ()) -> Path | None:
    """The program's path, or None when it is nowhere.

    `places` are absolute glob patterns of folders, `beside` files seen from the program's folder of which one
    must be there too.
    """
    for folder in _folders(places):
        program = folder / name
        if program.is_file() and os.access(program, os.X_OK) and _has(program, beside):
            return program
    return None


def _folders(places: Sequence[str]) -> Iterator[Path]:
    on_path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in on_path if bare.on() else (*on_path, *SBIN):
        if folder:
            yield Path(folder)
    for place in places:
        for found in sorted(Path("/").glob(place.lstrip("/"))):
            if found.is_dir() and not bare.hides(found):
                yield found


def _has(program: Path, files: Sequence[str]) -> bool:
    return not files or any((program.resolve().parent / file).exists() for file in files)
