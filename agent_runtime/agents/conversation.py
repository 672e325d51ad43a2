"""One conversation with a model about one piece of work: what was said, which tools were used, what it cost.

Patterns drive it. When a request fails, the conversation is as it was before: it can be taken up again
without repeating tools that were called already.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.agents.errors import StepsExhausted
from agent_runtime.models.port import (
    Message,
    ModelClient,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    ToolSpec,
    Usage,
    UserMessage,
)
from agent_runtime.tools.toolbox import Toolbox

_TOOLS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A tool that was called."""

    tool: str
    arguments: Mapping[str, Any] | str
    failed: bool


class Conversation:
    """The messages of one piece of work, oldest first."""

    def __init__(
        self,
        agent: str,
        model: ModelClient,
        tools: Toolbox,
        *,
        instructions: str,
        question: str,
        history: Sequence[Message] = (),
        output_schema: Mapping[str, Any] | None = None,
        max_steps: int,
        on_tool: Callable[[Step], None],
        on_step: Callable[[int], None],
    ) -> None:
        """`on_tool` is told of each tool that was called, `on_step` of the number of each later request."""
        self.agent = agent
        self.usage = Usage()
        self.steps: list[Step] = []
        self.faults: list[str] = []
        """What was wrong with the last answer; the model has been sent it."""
        self._model = model
        self._tools = tools
        self._instructions = instructions
        self._history = tuple(history)
        self._messages: list[Message] = [UserMessage(question)]
        self._output_schema = output_schema
        self._max_steps = max_steps
        self._turns = 0
        self._on_tool = on_tool
        self._on_step = on_step

    async def ask(self, *, with_tools: bool) -> ModelResponse:
        """The model's next response. Raises ModelError, and StepsExhausted after `max_steps` of them."""
        if self._turns == self._max_steps:
            raise StepsExhausted(self.agent, self._max_steps, [step.tool for step in self.steps])
        if self._turns:
            self._on_step(self._turns + 1)
        tools: tuple[ToolSpec, ...] = self._tools.specs if with_tools else ()
        response = await self._model.request(
            ModelRequest(tuple(self._messages), self._history, self._instructions, tools, self._output_schema)
        )
        self._turns += 1
        self._messages.append(ModelMessage(response.text, response.tool_calls, response.echo))
        self.usage += response.usage
        return response

    async def use(self, calls: Sequence[ToolCall]) -> None:
        """Call the tools, several at once, and note what they answer in the order of the calls."""
        slots = asyncio.Semaphore(_TOOLS_AT_ONCE)

        async def one(call: ToolCall) -> tuple[Step, ToolMessage]:
            async with slots:
                observation = await self._tools.call(call)
            step = Step(call.tool, call.arguments, observation.failed)
            self._on_tool(step)
            return step, ToolMessage(call.id, call.tool, observation.content)

        for step, message in await asyncio.gather(*(one(call) for call in calls)):
            self.steps.append(step)
            self._messages.append(message)

    def tell(self, text: str) -> None:
        """Say something to the model, which it answers when it is asked next."""
        self._messages.append(UserMessage(text))
