"""The laptop: how long `covey up` takes to be ready, and the newsroom to its report.

Wall time of real processes, medians; each begins with an empty state folder. The peer of a start is what
no server of this kind can do without: a process that imports FastAPI and uvicorn, and ends.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.row import Row
from tests.paths import ROOT

COVEY = Path(sys.executable).with_name("covey")
READY = b"is up at"


def run(short: bool) -> Iterator[Row]:
    """All cases; `short` takes fewer rounds."""
    rounds = 5 if short else 9
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        starts, imports = [], []
        for _ in range(rounds):
            starts.append(_seconds(_start_and_stop(folder)))
            imports.append(_seconds(_import_alone))
        yield Row(
            "covey up examples/hello, start to ready",
            statistics.median(starts),
            "s",
            "import fastapi, uvicorn",
            statistics.median(imports),
        )
        reports = [_seconds(_report(folder)) for _ in range(rounds)]
        yield Row("examples/newsroom, start to report and end", statistics.median(reports), "s")
        helps = [_seconds(lambda: _command("--help")) for _ in range(rounds)]
        yield Row("covey --help", statistics.median(helps), "s")


def _seconds(work: Callable[[], float | None]) -> float:
    """How long it takes, unless it says so itself."""
    begin = time.perf_counter()
    told = work()
    return told if told is not None else time.perf_counter() - begin


def _start_and_stop(folder: Path) -> Callable[[], float]:
    def start() -> float:
        state = folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        begin = time.perf_counter()
        with subprocess.Popen(
            [COVEY, "up", ROOT / "examples/hello", "--port", "0", "--state", state],
            env=_environ(),
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            if READY not in process.stderr.readline():
                raise RuntimeError(f"covey up did not start:\n{process.stderr.read().decode()}")
            took = time.perf_counter() - begin
            process.send_signal(signal.SIGINT)
            process.stderr.read()
        return took

    return start


def _report(folder: Path) -> Callable[[], None]:
    newsroom = ROOT / "examples/newsroom"

    def report() -> None:
        state = folder / "newsroom"
        shutil.rmtree(state, ignore_errors=True)
        job = ["--publish", f"Assignment=@{newsroom}/assignment.json", "--until", "Report"]
        _command("up", str(newsroom), *job, "--state", str(state))

    return report


def _command(*arguments: str) -> None:
    subprocess.run([COVEY, *arguments], env=_environ(), check=True, capture_output=True)


def _import_alone() -> None:
    subprocess.run([sys.executable, "-c", "import fastapi, uvicorn"], env=_environ(), check=True)


def _environ() -> dict[str, str]:
    """Compiled modules are kept, as they are where Covey is installed."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
