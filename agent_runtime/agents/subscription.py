"""What an agent takes from a board, and who takes it: all that the consumer knows of an agent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent_runtime.api.agent import Consumes
from agent_runtime.api.common import Retry
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Delivery
from agent_runtime.config.models import AgentConfig

Publish = Callable[[Sequence[Draft]], Awaitable[list[Artifact]]]
"""Puts the results of a delivery on the board, and finishes the delivery, in one step."""


Progress = Callable[[str], None]
"""Told in a few words how far a delivery is; returns at once."""


def ignore_progress(note: str) -> None:
    """Where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What sets an agent to work, and how."""

    board: str
    """The board's name, for people."""
    url: str
    """Where it is, for people; empty: in this process."""
    consumes: Sequence[Consumes]
    lease_seconds: float
    """How long the board holds a delivery without a sign of life."""
    at_once: int
    """Deliveries at the same time."""
    retry: Retry
    """How long to wait before the board offers failed work again."""


class Worker(Protocol):
    """An agent that works on deliveries."""

    @property
    def subscription(self) -> Subscription:
        """What it takes."""

    async def work(self, delivery: Delivery, publish: Publish, progress: Progress, /) -> object:
        """Work on a delivery, tell its `progress`, and `publish` what it leads to.

        What it raises decides what becomes of the delivery, see `errors.is_transient`.
        """


def subscription_of(config: AgentConfig) -> Subscription:
    """The subscription of an agent from a manifest. Raises ValueError when it has no blackboard."""
    access = config.blackboard
    if access is None:
        raise ValueError(f'agent "{config.name}" has no blackboard to consume from')
    return Subscription(
        board=access.name,
        url=access.url,
        consumes=access.consumes,
        lease_seconds=access.lease_seconds,
        at_once=config.limits.max_concurrency,
        retry=config.retry,
    )
