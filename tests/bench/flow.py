"""The flow core beside PocketFlow, and beside LangGraph where it is installed.

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
from types import ModuleType
from typing import Any

import agent_runtime.flow
from agent_runtime.flow import Observer, observe
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
    graph = _langgraph()
    yield "sync chain", "us/node", {
        **{name: _sync(_chain(core.Flow, core.Node)) for name, core in cores.items()},
        **({"langgraph": _langgraph_sync(graph)} if graph else {}),
    }  # fmt: skip
    yield "sync loop", "us/node", {name: _sync(_loop(core)) for name, core in cores.items()}
    yield "async chain", "us/node", {
        **{name: _async(_chain(core.AsyncFlow, core.AsyncNode), NODES) for name, core in cores.items()},
        **({"langgraph": _langgraph_async(graph)} if graph else {}),
    }  # fmt: skip
    yield "async loop", "us/node", {name: _async(_async_loop(core), NODES) for name, core in cores.items()}
    yield "parallel items", "us/item", {
        **{name: _async(_parallel(core), ITEMS) for name, core in cores.items()},
        "asyncio.gather": _timed_async(_gather, ITEMS),
    }  # fmt: skip
    ours = cores["covey"]
    yield "sync loop, observed", "us/node", {
        "covey": _sync(_loop(ours), lambda: observe(Observer())),
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
    def measure() -> float:
        gc.collect()
        with around():
            begin = time.process_time()
            for _ in range(5):
                flow.run({"left": NODES})
            return (time.process_time() - begin) / 5 / NODES * 1e6

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
    def size(core: Any) -> Measure:
        def build() -> Any:
            first = core.Node()
            first >> core.Node() >> core.Node()
            return core.Flow(first)

        def measure() -> float:
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            flows = [build() for _ in range(100)]
            after, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return (after - before) / len(flows)

        return measure

    return {name: size(core) for name, core in _cores().items()}


def _imports() -> dict[str, Measure]:
    def importing(module: str) -> Measure:
        program = (
            f"import time; begin = time.process_time(); import {module}\n"
            "print((time.process_time() - begin) * 1e3)"
        )

        def measure() -> float:
            command = [sys.executable, "-c", program]
            return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

        return measure

    modules = {name: core.__name__ for name, core in _cores().items()}
    if _langgraph():
        modules["langgraph"] = "langgraph.graph"
    return {name: importing(module) for name, module in modules.items()}


def _langgraph() -> Any:
    return importlib.import_module("langgraph.graph") if importlib.util.find_spec("langgraph") else None


LANGGRAPH_NODES = 50


def _langgraph_chain(graph: Any, node: Callable[[Any], Any]) -> Any:
    builder = graph.StateGraph(dict)
    names = [f"n{number}" for number in range(LANGGRAPH_NODES)]
    for name in names:
        builder.add_node(name, node)
    for before, after in zip([graph.START, *names], [*names, graph.END], strict=True):
        builder.add_edge(before, after)
    return builder.compile()


def _langgraph_sync(graph: Any) -> Measure:
    def same(state: Any) -> Any:
        return state

    chain = _langgraph_chain(graph, same)

    def measure() -> float:
        gc.collect()
        begin = time.process_time()
        chain.invoke({"left": 1}, {"recursion_limit": LANGGRAPH_NODES + 1})
        return (time.process_time() - begin) / LANGGRAPH_NODES * 1e6

    return measure


def _langgraph_async(graph: Any) -> Measure:
    async def same(state: Any) -> Any:
        return state

    chain = _langgraph_chain(graph, same)
    limits = {"recursion_limit": LANGGRAPH_NODES + 1}
    return _timed_async(lambda: chain.ainvoke({"left": 1}, limits), LANGGRAPH_NODES)
