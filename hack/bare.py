"""`COVEY_BARE=1`: a machine on which nothing is installed, seen from what runs on it.

Whoever develops Covey has a Redis, a Postgres or kubectl from somewhere, and does not notice when our own
files forget to bring one. In this mode PATH is one folder of links, and in it are only

- the programs of a Debian in which nobody installed anything: of its essential, required, important packages,
- Python, a C compiler, Go, git and make,
- what our own files installed by apt, with what that depends on: `hack.apt` reports it here.

What is fetched as a wheel, by Maven or from Go's modules lies in the cache and needs no help. Places outside
PATH where Debian puts programs are hidden in the same way; see `hack.find`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

VARIABLE = "COVEY_BARE"
TOOLCHAIN = (
    *("python3", "python3.11", "python3.12", "python3.13", "python3.14", "go", "gofmt", "git", "make"),
    *("cc", "gcc", "c++", "g++", "cpp", "ar", "as", "ld", "nm", "objcopy", "ranlib", "strip"),
)
_SYSTEM_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")
_DPKG = ("/usr/bin/dpkg-query", "--admindir=/var/lib/dpkg")
_BASIC = frozenset({"required", "important"})


def on(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process sees a bare machine."""
    return environment.get(VARIABLE, "") not in ("", "0")


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the links and the list of our packages are: beside the caches."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "covey" / "bare"


def enter() -> None:
    """Sets PATH for this process and its children, in bare mode; else nothing. Costs a second, once."""
    folder = home() / "bin"
    if not on() or os.environ.get("PATH") == str(folder):
        return
    if not Path(_DPKG[0]).exists():
        raise SystemExit(f"{VARIABLE}=1 takes a Debian or Ubuntu: {_DPKG[0]} says there what is installed.")
    before = os.environ.get("PATH", os.defpath)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_symlink() and not old.exists():
            old.unlink(missing_ok=True)
    _link(folder, _programs(_files([*_basic_packages(), *packages()])))
    for name in TOOLCHAIN:
        found = next(
            (Path(each, name) for each in before.split(os.pathsep) if Path(each, name).exists()), None
        )
        if found is not None:
            _link(folder, {name: found})
    os.environ["PATH"] = str(folder)


def packages() -> list[str]:
    """The Debian packages that our own files installed on this machine, with what they depend on."""
    try:
        return (home() / "packages").read_text().split()
    except FileNotFoundError:
        return []


def reveal(installed: Sequence[str]) -> None:
    """Shows, in bare mode, what these packages bring, and all that they depend on."""
    if not on():
        return
    names: set[str] = set()
    more = set(installed)
    while more:
        names |= more
        more = _depended_on(more) - names
    home().mkdir(parents=True, exist_ok=True)
    (home() / "packages").write_text("".join(f"{name}\n" for name in sorted({*packages(), *names})))
    _link(home() / "bin", _programs(_files(sorted(names))))


def hides(path: Path) -> bool:
    """Whether a file or folder of the system is to be taken as absent: no package of ours brought it."""
    if not on() or not path.resolve().is_relative_to("/usr"):
        return False
    return str(path.resolve()) not in _files(packages())


def _depended_on(names: Iterable[str]) -> set[str]:
    """The installed packages that these depend on, or that provide what they depend on."""
    depends: dict[str, set[str]] = {}
    providers: dict[str, set[str]] = {}
    for name, before, after, provided in _installed(
        "${Package}", "${Pre-Depends}", "${Depends}", "${Provides}"
    ):
        depends[name] = _names(before) | _names(after)
        for each in {name} | _names(provided):
            providers.setdefault(each, set()).add(name)
    wanted = {each for name in names for each in depends.get(name, ())}
    return {provider for each in wanted for provider in providers.get(each, ())}


def _names(relations: str) -> set[str]:
    """Of the packages in `a (>= 1) | b, c:any`."""
    return {word.split()[0].partition(":")[0] for word in re.split("[,|]", relations) if word.strip()}


def _installed(*fields: str) -> list[list[str]]:
    told = _dpkg("--show", "--showformat=" + "\\t".join(fields) + "\\n")
    return [line.split("\t") for line in told.splitlines()]


def _basic_packages() -> list[str]:
    rows = _installed("${Package}", "${Essential}", "${Priority}")
    return [name for name, essential, priority in rows if essential == "yes" or priority in _BASIC]


def _files(names: Sequence[str]) -> set[str]:
    """What these packages brought, each at its real place; one that is not installed brought nothing."""
    told = _dpkg("--listfiles", *names) if names else ""
    return {os.path.realpath(line) for line in told.splitlines() if line.startswith("/")}


def _dpkg(*arguments: str) -> str:
    # a package that is virtual or gone is an error to it, and yet it answers for the others
    return subprocess.run([*_DPKG, *arguments], capture_output=True, text=True, check=False).stdout


def _programs(files: Iterable[str]) -> dict[str, Path]:
    """The commands among the files, and those that Debian's alternatives give another name."""
    known = set(files)
    entries = (
        entry
        for folder in reversed(_SYSTEM_FOLDERS)
        if Path(folder).is_dir()
        for entry in Path(folder).iterdir()
    )
    return {entry.name: entry for entry in entries if os.path.realpath(entry) in known}


def _link(folder: Path, programs: Mapping[str, Path]) -> None:
    for name, target in programs.items():
        with suppress(FileExistsError):  # another process may be at it
            (folder / name).symlink_to(target)


def main() -> int:
    """Prints the PATH of this mode, for scripts: `PATH=$(COVEY_BARE=1 python -m hack.bare)`."""
    enter()
    sys.stdout.write(f"{os.environ['PATH']}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
