"""The work of the blackboard benchmark, done by flock-core in its own interpreter; prints a JSON object.

Tuned as its documentation says: no tracing, no console output, no dashboard, no default utilities. What it
publishes is not validated: artifacts are handed over ready made, which is the fastest of its ways.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

os.environ |= {"FLOCK_AUTO_TRACE": "false", "FLOCK_DISABLE_TELEMETRY_AUTOSETUP": "true"}

from flock.artifacts import Artifact
from flock.components import AgentComponent, EngineComponent
from flock.orchestrator import Flock
from flock.registry import flock_type
from flock.runtime import EvalResult
from flock.store import FilterConfig, SQLiteBlackboardStore
from flock.visibility import PublicVisibility
from pydantic import BaseModel


@flock_type(name="Finding")
class Finding(BaseModel):
    """What is published."""

    title: str
    text: str
    score: int


@flock_type(name="Other")
class Other(BaseModel):
    """What nobody publishes."""

    title: str


class Nothing(EngineComponent):
    """Does nothing, and notes when it began."""

    async def evaluate(self, agent: Any, ctx: Any, inputs: Any) -> EvalResult:
        began.append(time.perf_counter())
        return EvalResult(artifacts=[])


class Silent(AgentComponent):
    """In the place of the component that prints."""


began: list[float] = []
_PAYLOAD = {"title": "a title", "text": "x" * 60, "score": 7}
_PUBLIC = PublicVisibility()


def finding(correlation: UUID | None = None) -> Artifact:
    """A new artifact."""
    return Artifact(
        type="Finding", payload=_PAYLOAD, produced_by="scout", visibility=_PUBLIC, correlation_id=correlation
    )


def flock(agents: int, consumes: type[BaseModel], store: Any = None) -> Flock:
    """A flock with so many agents."""
    made = Flock("none/none", store=store)
    for number in range(agents):
        made.agent(f"agent-{number}").consumes(consumes).with_utilities(Silent()).with_engines(Nothing())
    return made


async def published(count: int, made: Flock) -> float:
    """Artifacts a second."""
    start = time.perf_counter()
    for _ in range(count):
        await made.publish(finding(), is_dashboard=True)
    return count / (time.perf_counter() - start)


async def median(repeat: int, measure: Callable[[], Awaitable[float]]) -> float:
    """Of so many measurements."""
    return statistics.median([await measure() for _ in range(repeat)])


async def delivered(count: int) -> float:
    """Deliveries a second to 100 agents, until all engines have run."""
    made = flock(100, Finding)
    start = time.perf_counter()
    for _ in range(count // 100):
        await made.publish(finding(), is_dashboard=True)
        await asyncio.sleep(0)
    while made._tasks:
        await asyncio.wait(set(made._tasks))
    return count / (time.perf_counter() - start)


async def started(samples: int, matching: int) -> float:
    """Milliseconds from publishing to the start of the first engine: the 99th percentile.

    There are 100 agents, so many of which match.
    """
    made = flock(100 - matching, Other)
    for number in range(matching):
        made.agent(f"reader-{number}").consumes(Finding).with_utilities(Silent()).with_engines(Nothing())
    took = []
    for _ in range(samples):
        began.clear()
        start = time.perf_counter()
        await made.publish(finding(), is_dashboard=True)
        while made._tasks:
            await asyncio.wait(set(made._tasks))
        took.append((began[0] - start) * 1000)
    return statistics.quantiles(took, n=100)[98]


async def on_sqlite(count: int) -> float:
    """Artifacts a second into its SQLite store, as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteBlackboardStore(str(Path(folder) / "board.db"))
        rate = await published(count, flock(0, Other, store))
        await store.close()
        return rate


async def at_100k() -> tuple[float, float]:
    """Megabytes for 100,000 artifacts, and milliseconds for a query by correlation."""
    tracemalloc.start()
    made = flock(0, Other)
    correlations = [uuid4() for _ in range(20_000)]
    for number in range(100_000):
        await made.publish(finding(correlations[number % 20_000]), is_dashboard=True)
    size = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    took = []
    for number in range(5):
        start = time.perf_counter()
        await made.store.query_artifacts(FilterConfig(correlation_id=str(correlations[number])))
        took.append((time.perf_counter() - start) * 1000)
    return size, statistics.median(took)


async def main(artifacts: int, repeat: int) -> dict[str, float]:
    """All figures."""
    await published(200, flock(0, Other))  # warm up
    size, query = await at_100k()
    return {
        "publish": await median(repeat, lambda: published(artifacts, flock(0, Other))),
        "idle": await median(repeat, lambda: published(max(200, artifacts // 20), flock(1000, Other))),
        "deliver": await median(repeat, lambda: delivered(artifacts)),
        "start one": await started(200, 1),
        "start all": await started(200, 100),
        "sqlite": await median(repeat, lambda: on_sqlite(artifacts // 5)),
        "memory": size,
        "query": query,
    }


if __name__ == "__main__":
    figures = asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
    sys.stdout.write("\n" + json.dumps(figures) + "\n")
