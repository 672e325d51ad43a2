"""What a run needs from outside: models, agents that can be asked, and what it tells them of itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.models.port import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What an agent replied."""

    reply: str
    output: Any = None
    """JSON, when the agent's output has a type."""
    usage: Usage = NO_USAGE


AskAgent = Callable[[str, str, str], Awaitable[AgentAnswer]]
"""(agent's name, message, idempotency key) -> its answer. Raises an exception whose message is for people."""


Publish = Callable[[str, str | None, Draft], Awaitable[Artifact]]
"""(blackboard's name, tenant, draft with an id of its own) -> what is there under that id now.

Patient with a board that is away or full. Raises BoardError, or NodeFailed.
"""


@dataclass(frozen=True, slots=True)
class Invocation:
    """For which node, visit and item a piece of work is done. Python functions get it as `context`."""

    run: str
    """The run's id."""
    node: str
    """The node's path: its name, after those of the flows around it, as in `review/draft`."""
    visit: int
    """Which of the node's visits, from 1."""
    index: int | None = None
    """The item's place in the list, of a mapped node."""

    @property
    def idempotency_key(self) -> str:
        """The same on each attempt and in every process: whoever acts on it twice can tell."""
        key = f"{self.run}:{self.node}:{self.visit}"
        return key if self.index is None else f"{key}:{self.index}"

    def item(self, index: int) -> "Invocation":
        """The same for one item."""
        return Invocation(self.run, self.node, self.visit, index)
