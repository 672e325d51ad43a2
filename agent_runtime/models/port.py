"""The model port: what is asked of a language model, whoever serves it. Plain values, no provider's types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for."""

    id: str
    tool: str
    arguments: Mapping[str, Any] | str
    """The arguments; text when the model wrote something that is no JSON object."""


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the model is told or asked."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """What the model said."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    echo: Mapping[str, Any] | None = None
    """What the provider wants back beside the results of the calls, such as its reasoning, as it came."""


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """What a tool answered."""

    call_id: str
    tool: str
    content: Any
    """JSON."""


Message = UserMessage | ModelMessage | ToolMessage


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request."""

    messages: tuple[Message, ...]
    """This piece of work so far, oldest first; it begins with a UserMessage."""
    history: tuple[Message, ...] = ()
    """Earlier exchanges of the session, oldest first."""
    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    """JSON Schema that the final answer must fit; a provider that can enforce it does."""


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """One response: text, or calls of tools, or both."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = NO_USAGE
    echo: Mapping[str, Any] | None = None
    """For the ModelMessage that this becomes."""


class ModelClient(Protocol):
    """A model that can be asked. Safe for concurrent use."""

    async def request(self, request: ModelRequest) -> ModelResponse:
        """Ask. Raises ModelError."""

    async def close(self) -> None:
        """Let go of connections."""
