"""`tools`: builds what is not in the cache yet, with progress, at low priority, one at a time."""

import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hack.cluster import system_packages
from hack.cluster.cache import building, cache_home, content_key, forget_unused, locked
from hack.cluster.fault import ClusterError, last_lines
from hack.cluster.images.archive import layer_of, write_archive
from hack.cluster.images.debian import BASE, POSTGRES, REDIS, DebianImage
from hack.cluster.programs import API_PROGRAMS, NODE_PROGRAMS, PAUSE, Program
from hack.find import find_program

PAUSE_TAG = "localhost/covey-pause:1"
_REPORT_EVERY = 30.0


@dataclass(frozen=True)
class Part:
    """One folder of the cache and what fills it."""

    name: str
    folder: Path
    minutes: int
    build: Callable[[Path, Path], None]
    """Called with the draft folder to fill and a log file."""


def pause_folder() -> Path:
    """Where the pause image's archive, image.tar, is kept."""
    return cache_home() / f"image-pause-{content_key([], PAUSE.key + PAUSE_TAG)}"


def parts(only_api: bool) -> list[Part]:
    """What the cache should hold, in the order of need: the API server's tier first."""
    programs = API_PROGRAMS if only_api else (*API_PROGRAMS, *NODE_PROGRAMS)
    wanted = [_program_part(program) for program in programs]
    if only_api:
        return wanted
    images = [Part("pause image", pause_folder(), 1, _build_pause_image)]
    return [*wanted, *images, *(_image_part(image) for image in (BASE, REDIS, POSTGRES))]


def missing_parts(only_api: bool) -> list[str]:
    """The names of the parts that `tools` would build."""
    return [part.name for part in parts(only_api) if not part.folder.is_dir()]


def require(only_api: bool) -> None:
    """Raises ClusterError, naming the command to run, unless everything is in the cache."""
    lacking = missing_parts(only_api)
    packages = system_packages.API_PACKAGES if only_api else system_packages.NODE_PACKAGES
    lacking += [f"the package {name}" for name in system_packages.missing(packages)]
    if lacking:
        option = " --only api" if only_api else ""
        raise ClusterError(
            f"Not there yet: {', '.join(lacking)}. Run `python -m hack.cluster tools{option}` first."
        )


def obtain(only_api: bool = False) -> None:
    """Brings the cache up to date and says so; returns at once when it is."""
    wanted = parts(only_api)
    packages = system_packages.API_PACKAGES if only_api else system_packages.NODE_PACKAGES
    home = cache_home()
    if system_packages.missing(packages) or missing_parts(only_api):
        with locked(home, "Another process is obtaining the tools; waiting for it."):
            log = home / "tools.log"
            log.write_text("")
            installed = system_packages.ensure(packages, log)
            if installed:
                print(f"installed {', '.join(installed)}", flush=True)
            started = time.monotonic()
            for number, part in enumerate(wanted, start=1):
                _obtain_part(part, f"[{number}/{len(wanted)}]", started, log)
    for part in wanted:
        os.utime(part.folder)
    forget_unused(home)
    print(f"All {len(wanted)} parts are in {home}.", flush=True)


def _obtain_part(part: Part, position: str, started: float, log: Path) -> None:
    if part.folder.is_dir():
        return
    print(
        f"{position} {part.name}: up to {part.minutes} min on two cores, less when Go's cache is warm",
        flush=True,
    )
    with building(part.folder) as draft:
        part.build(draft, log)
    print(f"{position} {part.name}: done, {(time.monotonic() - started) / 60:.1f} min in all", flush=True)


def _program_part(program: Program) -> Part:
    return Part(
        program.name, program.folder, program.minutes, lambda draft, log: _build_program(program, draft, log)
    )


def _image_part(image: DebianImage) -> Part:
    return Part(f"{image.name} image", image.folder, 2, image.build)


def _build_pause_image(draft: Path, _log: Path) -> None:
    with tempfile.NamedTemporaryFile() as layer:
        layer.write(layer_of(PAUSE.path(), "pause"))
        layer.flush()
        write_archive(draft / "image.tar", PAUSE_TAG, Path(layer.name), command=["/pause"], environment={})


def _build_program(program: Program, draft: Path, log: Path) -> None:
    if find_program("go") is None:
        raise ClusterError(
            f"{program.name} is built from source and there is no `go` on PATH. Install Go 1.21 or newer "
            "(https://go.dev/dl/; it fetches the exact release it needs) and run the command again."
        )
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    for binary, package in program.packages:
        command = ["nice", "-n", "15", *program.command(binary, package, draft)]
        if _run_counting(program.name, command, program.source, environment, log) != 0:
            raise ClusterError(
                f"Building {binary} failed. Is the Go module proxy in reach, is there disk space, and is Go "
                f"new enough for {program.source / 'go.mod'} (or GOTOOLCHAIN=auto)?\n{last_lines(log)}"
            )


def _run_counting(name: str, command: list[str], folder: Path, environment: dict[str, str], log: Path) -> int:
    """Runs `go build -v`, whose every line is a package under way, and reports twice a minute."""
    started = time.monotonic()
    with (
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as build,
        log.open("a") as output,
    ):
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_forward, args=(build, lines), daemon=True).start()
        compiled, reported = 0, started
        while True:
            try:
                line = lines.get(timeout=_REPORT_EVERY)
            except queue.Empty:
                line = ""
            if line is None:
                return build.wait()
            output.write(line)
            compiled += bool(line)
            if time.monotonic() - reported >= _REPORT_EVERY:
                reported = time.monotonic()
                print(
                    f"      {name}: {compiled} packages, {(reported - started) / 60:.1f} min so far",
                    flush=True,
                )


def _forward(build: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str | None]") -> None:
    for line in build.stdout or ():
        lines.put(line)
    lines.put(None)
