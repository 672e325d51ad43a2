"""Servers in Java: their jars by Maven, in the versions of a pom.xml and with the bytes of its SHA256SUMS.

`python -m tests.jars NAME` writes the SHA256SUMS of the folder NAME beside this file, for a pom.xml that has
changed.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from hack.cluster.cache import building, content_key
from hack.find import find_program

HERE = Path(__file__).parent
OLDEST_JAVA = 17
_SECONDS = 600.0


class FetchError(Exception):
    """The jars are not to be had; the message says why."""


@cache
def java() -> Path | None:
    """The `java` of this machine, or None when there is none, or one that is too old."""
    path = find_program("java")
    if path is None:
        return None
    told = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    return path if version and int(version[1]) >= OLDEST_JAVA else None


def folder_of(name: str, home: Path) -> Path:
    """Where the jars are under `home`, once they are fetched: another folder for every other list of them."""
    return home / f"{name}-{content_key([HERE / name / 'SHA256SUMS'], name)}"


def fetch(name: str, home: Path) -> None:
    """Puts the jars into their folder, which appears whole or not at all. Raises FetchError."""
    with building(folder_of(name, home)) as draft:
        _download(name, draft)
        found, wanted = _sums(draft), (HERE / name / "SHA256SUMS").read_text()
        if found != wanted:
            lines = sorted(set(found.splitlines()) ^ set(wanted.splitlines()))
            raise FetchError(f"jars other than those of tests/{name}/SHA256SUMS: {', '.join(lines)[:300]}")


def _download(name: str, folder: Path) -> None:
    maven = find_program("mvn")
    if maven is None:
        raise FetchError("there is no mvn")
    command = [
        *(str(maven), "--batch-mode", "--quiet", "--strict-checksums"),
        *("--file", str(HERE / name / "pom.xml")),
        *("dependency:copy-dependencies", f"-DoutputDirectory={folder}"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise FetchError(f"mvn did not finish within {_SECONDS:g} s") from None
    if done.returncode != 0:
        raise FetchError(f"mvn failed: {(done.stdout.strip() or done.stderr.strip())[:300]}")


def _sums(folder: Path) -> str:
    """As sha256sum writes them."""
    jars = sorted(folder.glob("*.jar"))
    return "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in jars)


def main() -> int:
    """Writes one SHA256SUMS."""
    [name] = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        _download(name, Path(folder))
        (HERE / name / "SHA256SUMS").write_text(_sums(Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
