"""How much of the blackboard's speed is left behind its HTTP server, with a store in memory."""

import asyncio
import sys
from collections.abc import Iterator

from tests.bench.boards import AT_ONCE, BATCH, size_of
from tests.bench.boards.served import Loaded, by_wrk, published, served
from tests.bench.row import Row


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    with asyncio.Runner() as runner:
        single, batched = runner.run(published("memory", "", size_of(short)))
        yield Row(f"publish, {AT_ONCE} callers", single, "artifacts/s")
        yield Row(f"publish, {AT_ONCE} callers, batches of {BATCH}", batched, "artifacts/s")
        loaded = runner.run(_by_wrk(3 if short else 10))
        if loaded is None:
            print("left out: wrk is not installed", file=sys.stderr)  # noqa: T201 - the table is on stdout
            return
        yield Row(f"publish by wrk, {AT_ONCE} connections", loaded.rate, "requests/s")
        yield Row(f"publish by wrk, {AT_ONCE} connections, p99", loaded.p99, "ms")


async def _by_wrk(seconds: int) -> Loaded | None:
    async with served("memory", "") as port:
        await by_wrk(port, 1)  # warm up
        return await by_wrk(port, seconds)
