"""An agent as it was put together, and the worker that is made of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from agent_runtime.agents.components.counting import Counting
from agent_runtime.agents.components.retrying import Retrying
from agent_runtime.agents.errors import WorkError, is_transient
from agent_runtime.agents.pipeline import Life
from agent_runtime.agents.stages import Component
from agent_runtime.agents.subscription import Duty
from agent_runtime.api.agent import AgentLimits, Consumes
from agent_runtime.api.base import seconds
from agent_runtime.api.common import Retry
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.sdk.engines import Bound, Chain, Role, Score, step_of
from agent_runtime.sdk.worker import Call, EngineWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Complete, and never changed. See the methods of `Agent` for what each part means."""

    name: str
    consumes: tuple[Consumes, ...]
    role: Role
    engines: tuple[object, ...]
    calls: tuple[Call, ...]
    components: tuple[Component, ...]
    limits: AgentLimits
    retry: Retry
    retried: tuple[type[Exception], ...]
    """Errors of engines that are worth another attempt."""
    turns: int
    score: Score | None

    def duty(self, board: str, url: str, lease_seconds: float) -> Duty:
        """What the agent takes from a board."""
        return Duty(board, url, self.consumes, lease_seconds, self.limits.max_concurrency, self.retry)

    def worker(
        self,
        duty: Duty,
        *,
        shared: asyncio.Semaphore | None = None,
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
    ) -> EngineWorker:
        """The agent at work; `shared` are slots that it shares with others. Raises Misuse."""
        retrying = Retrying(self.retry, clock, random or Random(), self._may_pass)
        life = Life(
            self.name,
            (Counting(self.name, clock), *self.components, retrying),
            at_once=self.limits.max_concurrency,
            timeout=seconds(self.limits.timeout),
            shared=shared,
        )
        chain = Chain([step_of(engine, self.role) for engine in self.engines], self.turns, self.score)
        return EngineWorker(self.name, duty, life, chain, self.role.publishes, self.calls)

    def bound(self) -> Iterator[Bound]:
        """The engines that are to be closed."""
        return (engine for engine in self.engines if isinstance(engine, Bound))

    def _may_pass(self, error: BaseException) -> bool:
        mistaken = isinstance(error, WorkError)  # the engines are: trying again makes the same of it
        return is_transient(error) or (isinstance(error, self.retried) and not mistaken)
