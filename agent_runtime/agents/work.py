"""A piece of work under way: a chat message or a delivery, and what has become of it so far."""

from dataclasses import dataclass, field
from typing import Any, Literal

from agent_runtime.agents.conversation import Conversation
from agent_runtime.blackboard.artifact import Artifact, Draft


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent came to."""

    text: str
    output: Any = None
    """The answer as JSON, when it must have a shape."""


@dataclass(slots=True)
class Work:
    """Filled in stage by stage; components may read all of it."""

    agent: str
    source: Literal["chat", "delivery"]
    subject: str
    """The session or the delivery."""
    inputs: tuple[Artifact, ...] = ()
    sets: tuple[tuple[str, ...], ...] = ()
    """Of a batch of joined sets: the ids of each set's artifacts, in order. Else empty."""
    question: str = ""
    conversation: Conversation | None = None
    answer: Answer | None = None
    drafts: list[Draft] = field(default_factory=list)
    published: list[Artifact] = field(default_factory=list)
    error: BaseException | None = None
    """Why it failed, once it has."""
    attempt: int = 1
    """Evaluations so far, from 1."""
    began: float = 0.0
    """When it got its slot, by the monotonic clock."""
