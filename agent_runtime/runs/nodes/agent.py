"""Ask an Agent."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.step import PlainWork, StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.nodes.text import as_text, structured
from agent_runtime.runs.port import AskAgent, Invocation


class AgentWork(PlainWork):
    """The agent's output when it has a type, else its reply; a JSON object or list is taken as such."""

    def __init__(self, node: FlowNode, variables: Iterable[str], ask: AskAgent) -> None:
        assert node.agent is not None
        self._agent = node.agent
        self._input = Field("input", node.input, variables)
        self._ask = ask

    def given(self, variables: Mapping[str, object]) -> Any:
        """The message."""
        message = self._input.render(variables)
        if message is None or message == "":
            raise NodeFailed("there is nothing to ask the agent: set the node's input")
        return as_text(message)

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        answer = await self._ask(self._agent, given, invocation.idempotency_key)
        value = structured(answer.reply) if answer.output is None else answer.output
        return StepResult(value, usage=answer.usage)
