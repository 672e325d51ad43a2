"""Commands on a terminal of their own, as a person sees them."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.laptop.conftest import PATIENCE


class Terminal:
    """A process whose standard streams are a terminal; `seen` is all that it wrote."""

    def __init__(self, command: Sequence[str | Path], environ: Mapping[str, str], folder: Path) -> None:
        ours, its = pty.openpty()
        self._ours = ours
        self.seen = b""
        self.process = subprocess.Popen(
            list(map(str, command)),
            env={**environ, "TERM": "xterm-256color", "COLUMNS": "200", "LINES": "50"},
            cwd=folder,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)

    def wait_for(self, text: str, times: int = 1) -> bytes:
        """All that was written, once it holds the text."""
        deadline = time.monotonic() + PATIENCE
        while self.seen.count(text.encode()) < times:
            assert self._read(deadline), f"ended before {text!r}:\n{self.seen!r}"
        return self.seen

    def type(self, text: str) -> None:
        """As the person types it."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Wait for its end; returns the exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        """Take in what comes next; False at the end."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing came any more:\n{self.seen!r}"
        try:
            new = os.read(self._ours, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += new
        return bool(new)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
