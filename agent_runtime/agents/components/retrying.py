"""Tries the evaluation again after failures that may pass."""

from collections.abc import Callable
from random import Random
from typing import ClassVar, TypeVar

from agent_runtime.agents.errors import is_transient
from agent_runtime.agents.stages import CallNext, Stage
from agent_runtime.agents.work import Work
from agent_runtime.api.common import Retry
from agent_runtime.core.clock import Clock
from agent_runtime.telemetry import logs, metrics

T = TypeVar("T")
_log = logs.logger("agents")


class Retrying:
    """A component that waits as `retry` says and goes on; the conversation stands where it stood."""

    stages: ClassVar[frozenset[Stage]] = frozenset({Stage.EVALUATE})

    def __init__(
        self,
        retry: Retry,
        clock: Clock,
        random: Random,
        may_pass: Callable[[BaseException], bool] = is_transient,
    ) -> None:
        """`may_pass` says which errors are worth another attempt."""
        self._may_pass = may_pass
        self._retry = retry
        self._clock = clock
        self._random = random

    async def around(self, stage: Stage, work: Work, go: CallNext[T]) -> T:
        """Up to `retry.maxAttempts` attempts, the first one included."""
        while True:
            try:
                return await go()
            except Exception as error:
                if not self._may_pass(error) or work.attempt >= self._retry.max_attempts:
                    raise
                asked: float | None = getattr(error, "retry_after", None)
                wait = self._retry.waits().delay(work.attempt, self._random.uniform, asked=asked)
                _log.info(
                    "tries again",
                    agent=work.agent,
                    attempt=work.attempt,
                    wait=round(wait, 3),
                    error=str(error),
                )
            metrics.RETRIES.labels(work.agent).inc()
            work.attempt += 1
            await self._clock.sleep(wait)
