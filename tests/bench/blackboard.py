"""How fast artifacts go through the blackboard, in process and in memory, beside flock-core.

The payload has three fields and about 100 bytes.
"""

import asyncio
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import Board, Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.server.http.gc_tuning import tune_gc
from tests.bench.boards import DRAFT, REGISTRY, SCOUT, TERMS, Size, one_by_one, rate, size_of
from tests.bench.peers import flock_core
from tests.bench.row import Row


def run(short: bool) -> Iterator[Row]:
    """The rows, one by one."""
    size = size_of(short)
    tune_gc()  # as servers do
    with asyncio.Runner() as runner:
        runner.run(_in_memory(replace(size, repeat=1), 0))  # warm up: the first run pays for what is lazy
        peer = flock_core.figures(size.artifacts, size.repeat) or {}
        flock = f"flock-core {flock_core.VERSION}"
        bare = runner.run(_in_memory(size, 0))
        yield Row("publish in process, no subscriber", bare, "artifacts/s", flock, peer.get("publish"))
        with_idle = runner.run(_in_memory(size, 1000))
        yield Row("the same beside a thousand idle agents", with_idle, "artifacts/s", "without them", bare)
        yield Row("publish, 1000 agents that do not match", with_idle, "artifacts/s", flock, peer.get("idle"))
        delivered = runner.run(_deliver(size))
        yield Row("deliver to 100 agents that match", delivered, "deliveries/s", flock, peer.get("deliver"))
        for which, matching in (("one of 100 agents matches", 1), ("100 agents match", 100)):
            started = runner.run(_started(matching))
            case = f"publish to the first start of work, {which}, p99"
            yield Row(case, started, "ms", flock, peer.get("start one" if matching == 1 else "start all"))
        memory, took = runner.run(_at_100k())
        yield Row("memory for 100 k artifacts", memory, "MB", flock, peer.get("memory"))
        yield Row("query by correlation at 100 k", took, "ms", flock, peer.get("query"))


async def _in_memory(size: Size, idle: int) -> float:
    async with BlackboardService(MemoryStore(TERMS), REGISTRY) as service:
        await _subscribe(service, idle, Consumes(types=["Other"]))
        return await rate(size, one_by_one(service.board(SCOUT)))


async def _subscribe(service: BlackboardService, count: int, consumes: Consumes) -> list[Board]:
    boards: list[Board] = [service.board(Identity(f"agent-{n}")) for n in range(count)]
    for board in boards:
        await board.subscribe([consumes])
    return boards


async def _deliver(size: Size) -> float:
    """Publish, lease and acknowledge, by 100 agents that do nothing else."""
    async with BlackboardService(MemoryStore(TERMS), REGISTRY) as service:
        boards = await _subscribe(service, 100, Consumes(types=["Finding"]))
        scout = service.board(SCOUT)

        async def work(board: Board, count: int) -> None:
            done = 0
            while done < count:
                for delivery in await board.lease(8, 10):
                    await board.acknowledge(delivery.id, [])
                    done += 1

        async def deliver(count: int) -> None:
            each = count // len(boards)
            workers = [asyncio.create_task(work(board, each)) for board in boards]
            for _ in range(each):
                await scout.publish([DRAFT])
                await asyncio.sleep(0)
            await asyncio.gather(*workers)

        return await rate(size, deliver)


async def _started(matching: int) -> float:
    """Milliseconds from publishing until the first agent that waits for it has its delivery, p99.

    There are 100 agents, so many of which match.
    """
    async with BlackboardService(MemoryStore(TERMS), REGISTRY) as service:
        await _subscribe(service, 100, Consumes(types=["Other"]))
        boards = await _subscribe(service, matching, Consumes(types=["Finding"]))
        scout = service.board(SCOUT)
        took = []
        for _ in range(200):
            leased: list[float] = []

            async def work(board: Board, leased: list[float] = leased) -> None:
                [delivery] = await board.lease(1, 10)
                leased.append(time.perf_counter())
                await board.acknowledge(delivery.id, [])

            workers = [asyncio.create_task(work(board)) for board in boards]
            await asyncio.sleep(0)
            began = time.perf_counter()
            await scout.publish([DRAFT])
            await asyncio.gather(*workers)
            took.append((min(leased) - began) * 1000)
        return statistics.quantiles(took, n=100)[98]


async def _at_100k() -> tuple[float, float]:
    """Megabytes for 100,000 artifacts, and milliseconds for one query that finds five of them."""
    tracemalloc.start()
    async with BlackboardService(MemoryStore(TERMS), REGISTRY) as service:
        board = service.board(SCOUT)
        for n in range(100):
            await board.publish(
                [
                    Draft(type="Finding", payload=DRAFT.payload, correlation=f"story-{n}-{m % 200}")
                    for m in range(1000)
                ]
            )
        size = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()
        took = []
        for n in range(100):
            began = time.perf_counter()
            await board.query(Query(correlation=f"story-{n}-7"))
            took.append((time.perf_counter() - began) * 1000)
        return size, statistics.median(took)
