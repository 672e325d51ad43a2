"""Counts and times work, and what is under way."""

import asyncio
from functools import cache
from typing import ClassVar, TypeVar

from prometheus_client import Counter, Histogram

from agent_runtime.agents.errors import Busy
from agent_runtime.agents.stages import CallNext, Stage
from agent_runtime.agents.work import Work
from agent_runtime.core.clock import Clock
from agent_runtime.telemetry import metrics

T = TypeVar("T")


class Counting:
    """A component that keeps the metrics of one agent's work."""

    stages: ClassVar[frozenset[Stage]] = frozenset({Stage.ACQUIRE, Stage.TERMINATE})

    def __init__(self, agent: str, clock: Clock) -> None:
        self._agent = agent
        self._clock = clock
        self._in_progress = metrics.WORK_IN_PROGRESS.labels(agent)
        self._refused = metrics.WORK_REFUSED.labels(agent)
        # Looking a metric up by its labels costs more than counting; there are few combinations.
        self._metrics = cache(self._metrics_of)

    async def around(self, stage: Stage, work: Work, go: CallNext[T]) -> T:
        """Count the start after the slot was got, and the end."""
        if stage is Stage.TERMINATE:
            self._in_progress.dec()
            done, seconds = self._metrics(work.source, _outcome(work.error))
            done.inc()
            seconds.observe(self._clock.monotonic() - work.began)
            return await go()
        try:
            result = await go()
        except Busy:
            self._refused.inc()
            raise
        work.began = self._clock.monotonic()
        self._in_progress.inc()
        return result

    def _metrics_of(self, source: str, outcome: str) -> tuple[Counter, Histogram]:
        return (
            metrics.WORK.labels(self._agent, source, outcome),
            metrics.WORK_SECONDS.labels(self._agent, source),
        )


def _outcome(error: BaseException | None) -> str:
    """A word of a small fixed set."""
    if error is None:
        return "succeeded"
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    code: str = getattr(error, "code", "broken")
    return code
