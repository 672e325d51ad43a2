"""Processes that outlive the command that started them, recorded so that a later command can stop them.

A record holds the process id and the time at which the kernel says it began: an id that was given to another
process since then is never signalled.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def began(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when it has ended.

    A zombie has, but for one whose other threads are still on their way out: they hold its ports until then.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command, in parentheses, may hold anything. Behind it: [0] state, [17] threads, [19] when it began.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" and int(fields[17]) <= 1 else int(fields[19])


@dataclass(frozen=True)
class Record:
    """A process as written down: alive only if the same process still has the id."""

    name: str
    pid: int
    start: int

    @property
    def alive(self) -> bool:
        return began(self.pid) == self.start

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within the time."""
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            _reap(self.pid)
            time.sleep(0.02)
        _reap(self.pid)
        return True

    def stop(self, grace: float = 2.0) -> None:
        """SIGTERM, then SIGKILL: a server with open watches takes a minute to go by itself."""
        self.send(signal.SIGTERM)
        if not self.wait(grace):
            self.send(signal.SIGKILL)
            self.wait(60.0)


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def record(folder: Path, name: str, pid: int) -> Record:
    """Writes a process down in a folder of records."""
    entry = Record(name, pid, began(pid) or 0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"{entry.pid} {entry.start}\n")
    return entry


def recorded(folder: Path) -> list[Record]:
    """The records of a folder, the latest first: the order in which to stop them."""
    try:
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    except FileNotFoundError:
        return []
    found = []
    for file in files:
        words = file.read_text().split()
        if len(words) == 2:
            found.append(Record(file.name, int(words[0]), int(words[1])))
    return found


def start(records: Path, name: str, command: list[str], log: Path) -> Record:
    """Starts a process in a session of its own, its output appended to a log, and records it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return record(records, name, pid)


def stop_all(records: Path) -> list[str]:
    """Stops what a folder of records names, the latest first; returns the names of those that were alive."""
    stopped = []
    for entry in recorded(records):
        if entry.alive:
            stopped.append(entry.name)
            entry.stop()
        (records / entry.name).unlink(missing_ok=True)
    return stopped
