"""A committed step: what a node costs when the run's state is kept before the next one begins.

CPU time of this process, medians over rounds; SQLite with synchronous=FULL, as it is shipped. What the disk
or a server needs beside is in the rows of elapsed time. LangGraph with its SqliteSaver is measured beside,
where it can be had (see `peers`).
"""

import asyncio
import gc
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agent_runtime.durable import (
    BlockingRunStore,
    RunStore,
    open_blocking_store,
    open_store,
    run_durably,
    run_durably_sync,
)
from agent_runtime.flow import AsyncFlow, AsyncNode, Flow, Node
from tests.bench.peers.langgraph_sqlite import committed_chain
from tests.bench.row import Row
from tests.contract.servers import running_postgres, running_redis
from tests.servers import MissingProgram

STEPS = 100
SAVER = "langgraph-checkpoint-sqlite==3.1.0"
_numbers = itertools.count()

Sample = tuple[float, float]
"""Microseconds a step: CPU of this process, and elapsed."""
Measure = Callable[[], Sample]


def run(short: bool) -> Iterator[Row]:
    """All stores; `short` takes fewer rounds."""
    rounds = 5 if short else 15
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="covey-bench-")))
        yield from _compare(
            "sync step, SQLite", _sync(f"sqlite:///{folder}/sync", stack), _langgraph(folder), rounds
        )
        yield from _compare("sync step, file", _sync(f"file:///{folder}/files", stack), None, rounds)
        for case, url in _urls(folder, stack):
            yield from _compare(f"async step, {case}", _async(url, stack), None, rounds)


def _urls(folder: Path, stack: ExitStack) -> Iterator[tuple[str, str]]:
    yield "SQLite", f"sqlite:///{folder}/async"
    try:
        (folder / "redis").mkdir()
        yield "Redis", stack.enter_context(running_redis(folder / "redis")).url
        yield "Postgres", stack.enter_context(running_postgres()).url
    except MissingProgram as missing:
        sys.stderr.write(f"not measured: {missing}\n")


def _compare(case: str, ours: Measure, theirs: Measure | None, rounds: int) -> Iterator[Row]:
    measures = {"covey": ours} if theirs is None else {"covey": ours, "langgraph": theirs}
    samples: dict[str, list[Sample]] = {name: [] for name in measures}
    for _ in range(rounds + 1):
        for name, measure in measures.items():
            samples[name].append(measure())
    for place, what in enumerate(("CPU", "elapsed")):
        medians = {
            name: statistics.median(sample[place] for sample in taken[1:])  # the first warms up
            for name, taken in samples.items()
        }
        peer = "langgraph" if "langgraph" in medians else None
        yield Row(f"{case}, {what}", medians["covey"], "us/step", peer, medians.get("langgraph"))


def _sync(url: str, stack: ExitStack) -> Measure:
    store: BlockingRunStore = open_blocking_store(url)
    store.open()
    stack.callback(store.close)
    flow = _chain(Flow, Node)

    def measure() -> Sample:
        with _Timer() as timer:
            run_durably_sync(flow, {"question": "why?"}, store=store, run=f"bench/{next(_numbers)}")
        return timer.sample

    return measure


def _async(url: str, stack: ExitStack) -> Measure:
    store: RunStore = open_store(url)
    runner = stack.enter_context(asyncio.Runner())
    runner.run(store.open())
    stack.callback(lambda: runner.run(store.close()))
    flow = _chain(AsyncFlow, AsyncNode)

    async def once() -> Sample:
        with _Timer() as timer:
            await run_durably(flow, {"question": "why?"}, store=store, run=f"bench/{next(_numbers)}")
        return timer.sample

    return lambda: runner.run(once())


def _chain(flow_type: type[Any], node_type: type[Any]) -> Any:
    class Count(node_type):  # type: ignore[misc]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> None:
            shared["count"] = shared.get("count", 0) + 1

    first = last = Count(name="n0")
    for number in range(1, STEPS):
        last = last >> Count(name=f"n{number}")
    return flow_type(first)


def _langgraph(folder: Path) -> Measure | None:
    chain = committed_chain(folder / "langgraph", STEPS)
    if chain is None:
        return None

    def measure() -> Sample:
        with _Timer() as timer:
            chain(f"bench/{next(_numbers)}")
        return timer.sample

    return measure


class _Timer:
    """Around `STEPS` steps."""

    sample: Sample

    def __enter__(self) -> "_Timer":
        gc.collect()
        self._begun = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        cpu, elapsed = time.process_time() - self._begun[0], time.perf_counter() - self._begun[1]
        self.sample = cpu / STEPS * 1e6, elapsed / STEPS * 1e6
