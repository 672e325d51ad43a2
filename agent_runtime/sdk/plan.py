"""An agent as it was put together, and the worker that is made of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from agent_runtime.agents.components.counting import Counting
from agent_runtime.agents.components.retrying import Retrying
from agent_runtime.agents.errors import WorkError, is_transient
from agent_runtime.agents.pipeline import Pipeline
from agent_runtime.agents.stages import Component
from agent_runtime.agents.subscription import Subscription
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
    attempts: int
    score: Score | None

    def subscription(self, board: str, url: str, lease_seconds: float) -> Subscription:
        """What the agent takes from a board."""
        return Subscription(board, url, self.consumes, lease_seconds, self.limits.max_concurrency, self.retry)

    def worker(
        self,
        subscription: Subscription,
        *,
        shared: asyncio.Semaphore | None = None,
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
    ) -> EngineWorker:
        """The agent at work; `shared` are slots that it shares with others. Raises UsageError."""
        retrying = Retrying(self.retry, clock, random or Random(), self._may_pass)
        pipeline = Pipeline(
            self.name,
            (Counting(self.name, clock), *self.components, retrying),
            at_once=self.limits.max_concurrency,
            timeout=seconds(self.limits.timeout),
            shared=shared,
        )
        chain = Chain([step_of(engine, self.role) for engine in self.engines], self.attempts, self.score)
        return EngineWorker(self.name, subscription, pipeline, chain, self.role.publishes, self.calls)

    def bound(self) -> Iterator[Bound]:
        """The engines that are to be closed."""
        return (engine for engine in self.engines if isinstance(engine, Bound))

    def _may_pass(self, error: BaseException) -> bool:
        mistaken = isinstance(error, WorkError)  # the engines are: trying again makes the same of it
        return is_transient(error) or (isinstance(error, self.retried) and not mistaken)
