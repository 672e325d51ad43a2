"""The flow core beside PocketFlow and LangGraph.

CPU time, medians over rounds; in each round everyone has a turn, so that a busy machine is busy for all.
"""

import asyncio
import gc
import importlib
import importlib.util
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import ModuleType
from typing import Any

import agent_runtime.flow
from agent_runtime.flow import Observer, observe
from agent_runtime.flow.monitor import Monitor
from tests.bench.peers import langgraph
from tests.bench.row import Row

NODES = 1000
ITEMS = 1000

Measure = Callable[[], float]
"""One round: microseconds of CPU for each node or item."""


def run(short: bool) -> Iterator[Row]:
    """All cases; `short` takes fewer rounds."""
    rounds = 7 if short else 25
    for case, unit, measures in _cases():
        yield from _compare(case, unit, measures, rounds)
    yield from _compare("import of the core", "ms", _imports(), 5 if short else 9)
    yield from _compare("a flow of three nodes", "bytes", _sizes(), 5)


def _cases() -> Iterator[tuple[str, str, dict[str, Measure]]]:
    cores = _cores()
    graphs = langgraph.load()
    yield "sync chain", "us/node", {
        **{name: _sync(_chain(core.Flow, core.Node)) for name, core in cores.items()},
        **({"langgraph": _timed(graphs.chain(), graphs.NODES)} if graphs else {}),
    }  # fmt: skip
    yield "sync loop", "us/node", {name: _sync(_loop(core)) for name, core in cores.items()}
    yield "async chain", "us/node", {
        **{name: _async(_chain(core.AsyncFlow, core.AsyncNode), NODES) for name, core in cores.items()},
        **({"langgraph": _timed_async(graphs.async_chain(), graphs.NODES)} if graphs else {}),
    }  # fmt: skip
    yield "async loop", "us/node", {name: _async(_async_loop(core), NODES) for name, core in cores.items()}
    yield "parallel items", "us/item", {
        **{name: _async(_parallel(core), ITEMS) for name, core in cores.items()},
        "asyncio.gather": _timed_async(_gather, ITEMS),
        **({"langgraph": _timed_async(graphs.parallel(), graphs.ITEMS)} if graphs else {}),
    }  # fmt: skip
    ours = cores["covey"]
    watchers: dict[str, Callable[[], Observer]] = {"an observer": Observer, "a monitor": Monitor}
    for name, watcher in watchers.items():
        yield f"sync loop, watched by {name}", "us/node", {
            "covey": _sync(_loop(ours), partial(_watched_by, watcher)),
        }  # fmt: skip


def _compare(case: str, unit: str, measures: dict[str, Measure], rounds: int) -> Iterator[Row]:
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds + 1):
        for name, measure in measures.items():
            samples[name].append(measure())
    medians = {name: statistics.median(values[1:]) for name, values in samples.items()}  # the first warms up
    ours = medians.pop("covey")
    if not medians:
        yield Row(case, ours, unit)
    for peer, value in medians.items():
        yield Row(case, ours, unit, peer, value)


def _cores() -> dict[str, ModuleType]:
    cores = {"covey": agent_runtime.flow}
    if importlib.util.find_spec("pocketflow"):
        cores["pocketflow"] = importlib.import_module("pocketflow")
    return cores


def _sync(flow: Any, around: Callable[[], AbstractContextManager[object]] = nullcontext) -> Measure:
    def run() -> None:
        with around():
            flow.run({"left": NODES})

    return _timed(run, NODES)


def _watched_by(watcher: Callable[[], Observer]) -> AbstractContextManager[object]:
    return observe(watcher())


def _timed(run: Callable[[], object], count: int) -> Measure:
    def measure() -> float:
        gc.collect()
        begin = time.process_time()
        for _ in range(5):
            run()
        return (time.process_time() - begin) / 5 / count * 1e6

    return measure


def _async(flow: Any, count: int) -> Measure:
    return _timed_async(lambda: flow.run_async({"left": NODES}), count)


def _timed_async(make: Callable[[], Awaitable[object]], count: int) -> Measure:
    async def five() -> float:
        begin = time.process_time()
        for _ in range(5):
            await make()
        return (time.process_time() - begin) / 5 / count * 1e6

    def measure() -> float:
        gc.collect()
        return asyncio.run(five())

    return measure


def _chain(flow_type: Callable[[Any], Any], node_type: Callable[[], Any]) -> Any:
    first = last = node_type()
    for _ in range(NODES - 1):
        last = last >> node_type()
    return flow_type(first)


def _loop(core: Any) -> Any:
    class Count(core.Node):  # type: ignore[misc]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> str | None:
            shared["left"] -= 1
            return "again" if shared["left"] else None

    node = Count()
    node - "again" >> node
    node >> core.Node()
    return core.Flow(node)


def _async_loop(core: Any) -> Any:
    class Count(core.AsyncNode):  # type: ignore[misc]
        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> str | None:
            shared["left"] -= 1
            return "again" if shared["left"] else None

    node = Count()
    node - "again" >> node
    node >> core.Node()
    return core.AsyncFlow(node)


def _parallel(core: Any) -> Any:
    class Items(core.AsyncParallelBatchNode):  # type: ignore[misc]
        async def prep_async(self, shared: Any) -> range:
            return range(ITEMS)

    return core.AsyncFlow(Items())


async def _gather() -> None:
    async def nothing() -> None:
        return None

    await asyncio.gather(*(nothing() for _ in range(ITEMS)))


def _sizes() -> dict[str, Measure]:
    def three(core: Any) -> Any:
        first = core.Node()
        first >> core.Node() >> core.Node()
        return core.Flow(first)

    builds: dict[str, Callable[[], object]] = {name: partial(three, core) for name, core in _cores().items()}
    graphs = langgraph.load()
    if graphs:
        builds["langgraph"] = graphs.three_nodes
    return {name: partial(_bytes, build) for name, build in builds.items()}


def _bytes(build: Callable[[], object]) -> float:
    build()  # what the first one imports is not its own
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    built = [build() for _ in range(100)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(built)


def _imports() -> dict[str, Measure]:
    modules = {name: core.__name__ for name, core in _cores().items()}
    graphs = langgraph.load()
    if graphs:
        modules["langgraph"] = graphs.graph.__name__
    folder = str(graphs.folder) if graphs else ""
    return {name: partial(_importing, module, folder) for name, module in modules.items()}


def _importing(module: str, folder: str) -> float:
    program = (
        f"import sys, time; sys.path.append({folder!r})\n"
        f"begin = time.process_time(); import {module}; print((time.process_time() - begin) * 1e3)"
    )
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
