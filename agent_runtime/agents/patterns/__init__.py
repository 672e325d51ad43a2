"""Patterns: how an agent comes to its answer. One file each."""

from collections.abc import Awaitable, Callable, Mapping

from agent_runtime.agents.conversation import Conversation
from agent_runtime.agents.patterns.chat import chat
from agent_runtime.agents.patterns.react import react

Pattern = Callable[[Conversation], Awaitable[str]]
"""Takes a conversation to its answer. Called again on the same one, it goes on from where that stands."""

PATTERNS: Mapping[str, Pattern] = {"Chat": chat, "ReAct": react}
"""By the name that `spec.pattern` uses."""
