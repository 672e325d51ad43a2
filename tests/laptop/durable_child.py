"""One leg of a durable run in a process of its own: `python -m tests.laptop.durable_child KIND URL RUN FILE`.

Each `exec` appends its idempotency key to FILE and then writes a dot to the standard output; the first dot
says that the process is about to begin. At the end a line of JSON follows: action, shared store, whether it
resumed.
"""

import asyncio
import os
import sys
from pathlib import Path

import orjson

from agent_runtime.durable import (
    Finished,
    open_blocking_store,
    open_store,
    run_durably,
    run_durably_sync,
)
from tests.unit.durable.flows import async_flow, sync_flow


def main(kind: str, url: str, run: str, file: str) -> None:
    """Run the leg."""
    side = os.open(Path(file), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(place: str, key: str) -> None:
        os.write(side, f"{key}\n".encode())
        os.write(1, b".")

    async def run_async() -> Finished:
        store = open_store(url)
        await store.open()
        return await run_durably(async_flow(note), {"by": "me"}, store=store, run=run, take_over=True)

    os.write(1, b".")
    if kind == "async":
        finished = asyncio.run(run_async())
    else:
        store = open_blocking_store(url)
        store.open()
        finished = run_durably_sync(sync_flow(note), {"by": "me"}, store=store, run=run, take_over=True)
    result = [finished.action, finished.shared, finished.resumed]
    os.write(1, b"\n" + orjson.dumps(result, option=orjson.OPT_SORT_KEYS))


if __name__ == "__main__":
    main(*sys.argv[1:])
