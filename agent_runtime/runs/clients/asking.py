"""How long a run goes on asking an agent that does not take its question.

An agent that takes a question has retries of its own, by its `spec.retry`, before it answers that it failed.
That answer fails the attempt of the node, and only the node's `retry` asks again. What is asked again here is
a question that was never begun: nobody answered, no slot was free, the pod was about to stop. For that a
question has one budget of time, whatever number of attempts its node has.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from random import Random

from agent_runtime.core.clock import Clock
from agent_runtime.core.retry import Backoff
from agent_runtime.runs.errors import AgentFailed
from agent_runtime.runs.port import AgentAnswer

PATIENCE = 60.0
"""Seconds that a question which is not taken is asked again: the agent's pods may be starting."""
_AGAIN = Backoff(0.5, 5.0)
_MOST_QUESTIONS = 10_000
"""Whose budgets are remembered: those that failed, and may be asked again by their node."""


class NotTaken(Exception):
    """The agent did not begin with the question; it may later."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Asking:
    """Asks until the question is taken, or its budget is used up."""

    def __init__(self, clock: Clock, random: Random | None = None, patience: float = PATIENCE) -> None:
        self._clock = clock
        self._random = random or Random()
        self._patience = patience
        self._left: OrderedDict[str, float] = OrderedDict()
        """Seconds, by the keys of questions."""

    async def __call__(self, key: str, who: str, once: Callable[[], Awaitable[AgentAnswer]]) -> AgentAnswer:
        """What `once` answers. `who` is for people. Raises AgentFailed, and what else `once` raises."""
        deadline = self._clock.monotonic() + self._left.get(key, self._patience)
        attempt = 0
        try:
            while True:
                attempt += 1
                try:
                    answer = await once()
                except NotTaken as error:
                    wait = _AGAIN.delay(attempt, self._random.uniform, asked=error.retry_after)
                    if self._clock.monotonic() + wait > deadline:
                        deadline = 0.0
                        raise AgentFailed(
                            f"{who} did not take the question for {self._patience:g}s "
                            f"({error}): check that it is ready and has slots free (limits.maxConcurrency)"
                        ) from error
                    await self._clock.sleep(wait)
                else:
                    deadline = self._clock.monotonic() + self._patience
                    return answer
        finally:
            self._keep(key, max(0.0, deadline - self._clock.monotonic()))

    def _keep(self, key: str, left: float) -> None:
        """Remember what is left of a budget that was used."""
        self._left.pop(key, None)
        if left < self._patience:
            self._left[key] = left
            if len(self._left) > _MOST_QUESTIONS:
                self._left.popitem(last=False)
