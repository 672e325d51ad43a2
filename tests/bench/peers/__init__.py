"""Libraries that we are measured beside and do not depend on, each in a folder of the cache of its own.

They are in no lock: what a peer needs must neither reach the environment of the tests nor be installed to run
them. A benchmark installs what it wants, once, by pip; without a network there is no such peer.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "covey" / "peers"


def folder_of(requirement: str) -> Path | None:
    """Where `requirement`, say "langgraph==1.2.22", is installed; None when it cannot be had.

    The folder belongs at the end of `sys.path`. Why it cannot be had is a line on stderr.
    """
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    folder = CACHE / f"{requirement.replace('==', '-')}-{version}"
    return folder if folder.is_dir() or _install(requirement, folder) else None


def _install(requirement: str, folder: Path) -> bool:
    CACHE.mkdir(parents=True, exist_ok=True)
    # The folder appears whole, by one rename, or not at all.
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=CACHE))
    try:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(draft), requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
            sys.stderr.write(f"not measured beside {requirement}: {reason[0]}\n")
            return False
        if not folder.is_dir():  # another process may have been faster
            draft.rename(folder)
        return True
    finally:
        shutil.rmtree(draft, ignore_errors=True)
