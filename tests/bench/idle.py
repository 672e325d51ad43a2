"""What a server costs while nothing happens, with a thousand agents that wait for work as agents do.

The figure is of whole rounds: each agent's request for work comes back empty, and it asks again; now and then
it says again what it consumes.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import httpx2

from agent_runtime.agents.consumer import LEASE_WAIT, RENEWED_AFTER
from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import grant_audience, mint
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.config.models import BlackboardConfig
from tests.bench.boards import TYPES
from tests.bench.row import Row
from tests.contract.processes import running

AGENTS = 1000
CONSUMES = [Consumes(types=["Finding"])]
_ROUNDS = round(RENEWED_AFTER / LEASE_WAIT)
_KEY = "k" * 64
_PLACE = ("bench", "idle")


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    alone, waited_for = asyncio.run(_idle(1 if short else 3))
    yield Row(f"{AGENTS} agents that wait", waited_for[0], "% of a core", "without agents", alone[0])
    yield Row(f"{AGENTS} agents that wait, memory", waited_for[1], "MB", "without agents", alone[1])


async def _idle(rounds: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """(percent of a core, MB), for a server without agents and with all of them."""
    config = BlackboardConfig(name=_PLACE[1], namespace=_PLACE[0], store="memory", types=TYPES)
    async with AsyncExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "config.json"
        file.write_text(config.model_dump_json(by_alias=True))
        environ = {"COVEY_BLACKBOARD_KEY": _KEY}
        command = ["blackboard", "--config", str(file)]
        [server] = await stack.enter_async_context(running(command, environ))

        async def figures() -> tuple[float, float]:
            began, before = time.monotonic(), server.processor_seconds()
            await asyncio.sleep(rounds * LEASE_WAIT)
            spent = server.processor_seconds() - before
            return 100 * spent / (time.monotonic() - began), server.memory() / 1e6

        async def wait(board: HttpBoard, number: int) -> None:
            for round_ in count(number):
                await board.lease(1, LEASE_WAIT)
                if round_ % _ROUNDS == 0:
                    await board.subscribe(CONSUMES)

        alone = await figures()
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        client = await stack.enter_async_context(httpx2.AsyncClient(limits=limits))
        tokens = (mint(_KEY, Identity(f"agent-{n}"), grant_audience(*_PLACE)) for n in range(AGENTS))
        boards = [HttpBoard(server.url, token, client=client) for token in tokens]
        for board in boards:
            await board.subscribe(CONSUMES)
        waiting = [asyncio.create_task(wait(board, number)) for number, board in enumerate(boards)]
        await asyncio.sleep(1.5 * LEASE_WAIT)  # those who began together ask again in the middle of a round
        together = await figures()
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
        return alone, together
