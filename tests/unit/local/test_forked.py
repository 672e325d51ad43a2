"""A process that a Python function forks and that outlives `covey up`."""

import subprocess
import sys
from pathlib import Path

from agent_runtime.local.state import StateFolder

_FORKS = """
import os, sys
from pathlib import Path
from agent_runtime.local.state import StateFolder

folder = StateFolder.open(Path(sys.argv[1]))
if os.fork() == 0:
    sys.stdin.read()  # until the test ends it
    os._exit(0)
print("forked", flush=True)
os._exit(0)
"""


def test_what_a_function_forked_does_not_hold_the_state_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _FORKS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"forked\n"
        process.wait(60)
        StateFolder.open(tmp_path).close()
        process.stdin.close()
