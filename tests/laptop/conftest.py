"""The installed `covey` as real processes, each test with a home of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.paths import ROOT

COVEY = Path(sys.executable).with_name("covey")
_NO_MASTER_KEY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
"""Root may read everything; without these rights it meets a locked file as other users do."""
COMMAND = [*(_NO_MASTER_KEY if os.geteuid() == 0 else ()), str(COVEY)]
PATIENCE = 120.0
"""Seconds after which a test gives up; never what it takes."""


@dataclass
class Running:
    """A `covey up` under way; what it prints goes to `log`."""

    process: subprocess.Popen[bytes]
    log: Path
    state: Path

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text()

    def wait_for(self, text: str, times: int = 1) -> str:
        """The output, once it holds the text."""
        deadline = time.monotonic() + PATIENCE
        while self.output.count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} did not come:\n{self.output}"
            assert self.process.poll() is None or self.output.count(text) >= times, (
                f"ended with {self.process.returncode} before {text!r}:\n{self.output}"
            )
            time.sleep(0.05)
        return self.output

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; returns the exit status."""
        return self.process.wait(PATIENCE)

    @property
    def url(self) -> str:
        """Where it serves."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.wait_for("is up at"))
        assert found is not None
        return found.group()


class Done(subprocess.CompletedProcess[str]):
    """A command that has ended. Which server it spoke to stands apart: `stderr` is the rest."""

    target: str = ""
    """As it was said; empty for a command that speaks to none."""


class Covey:
    """The command in a clean environment: no key, no settings, no other servers of the user."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        self.environ = {**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1"}

    def __call__(
        self, *arguments: str | Path, status: int = 0, input: str | None = None, **environ: str
    ) -> Done:
        """Run a command to its end, which must have this exit status."""
        ran = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env={**self.environ, **environ},
            cwd=self.home,
            input=input,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ran.returncode == status, f"exit status {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
        first, end, rest = ran.stderr.partition("\n")
        is_told = first.startswith("target: ")
        done = Done(ran.args, ran.returncode, ran.stdout, rest if is_told else first + end + rest)
        done.target = first.removeprefix("target: ") if is_told else ""
        return done

    @contextmanager
    def up(self, folder: Path, *arguments: str, ready: bool = True, **environ: str) -> Iterator[Running]:
        """A `covey up` on a free port, ended at the latest with the block."""
        log = self.home / f"up-{len(list(self.home.glob('up-*')))}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [COVEY, "up", folder, "--port", "0", *arguments],
                env={**self.environ, **environ},
                cwd=self.home,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        running = Running(process, log, folder / ".covey")
        try:
            if ready:
                running.wait_for("is up at")
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def covey(tmp_path: Path) -> Covey:
    home = tmp_path / "home"
    home.mkdir()
    return Covey(home)


def example(name: str, into: Path) -> Path:
    """A copy of an example, without what a `covey up` may have left in it."""
    return Path(
        shutil.copytree(ROOT / "examples" / name, into / name, ignore=shutil.ignore_patterns(".covey"))
    )


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A copy of the example `hello`."""
    return example("hello", tmp_path)
