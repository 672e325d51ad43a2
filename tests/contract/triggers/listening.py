"""A process that listens for the flow's artifacts over HTTP; its runs are files in a folder.

    python -m tests.contract.triggers.listening URL FOLDER HOW NTH

A file that is there already is success, as a FlowRun is. At its NTH run the process kills itself: HOW is
`before` the run is made or `after` it, which is before the artifact is acknowledged; `never` lives on.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.triggers.listeners import Listeners, Place
from agent_runtime.triggers.subscription import identity
from tests.unit.triggers.builders import flow, on

KEY = "k" * 64
AUDIENCE = "blackboard/news/shop"
REPORT = flow(on(where="payload.n >= 0", params={"order": "${artifact.payload.n}"}))


def listeners(url: str, folder: Path, how: str = "never", nth: int = 0) -> Listeners:
    """Of the flow's runs as files."""
    asked = 0

    async def create(manifest: Mapping[str, Any]) -> None:
        nonlocal asked
        asked += 1
        if how == "before" and asked == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        note(folder / "asked", manifest["metadata"]["name"])
        # Made in one step, as the API server does it: whoever is killed leaves all of it or nothing.
        draft = folder / f"draft-{os.getpid()}-{asked}"
        draft.write_bytes(orjson.dumps(manifest))
        try:
            os.link(draft, folder / f"{manifest['metadata']['name']}.json")
        except FileExistsError:
            note(folder / "again", manifest["metadata"]["name"])
        if how == "after" and asked == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(place: Place) -> HttpBoard:
        return HttpBoard(url, mint(KEY, identity(place.flow), AUDIENCE), attempts=2)

    return Listeners(connect, create)


def note(file: Path, line: str) -> None:
    """Append a line: one write, so that processes do not mix theirs."""
    with file.open("ab", buffering=0) as open_file:
        open_file.write(f"{line}\n".encode())


async def _listen(url: str, folder: Path, how: str, nth: int) -> None:
    await listeners(url, folder, how, nth).follow([REPORT])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_listen(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
