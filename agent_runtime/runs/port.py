"""What a run needs from outside: models, and agents that can be asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agent_runtime.models.port import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What an agent replied."""

    reply: str
    output: Any = None
    """JSON, when the agent's output has a type."""
    usage: Usage = NO_USAGE


AskAgent = Callable[[str, str], Awaitable[AgentAnswer]]
"""(agent's name, message) -> its answer. Raises an exception whose message is for people."""
