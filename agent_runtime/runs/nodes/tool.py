"""Call a tool of the runtime."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.models.port import ToolCall
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.step import PlainWork, StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.port import Invocation
from agent_runtime.tools.toolbox import Toolbox


class ToolWork(PlainWork):
    """The tool's result."""

    def __init__(self, node: FlowNode, variables: Iterable[str], tools: Toolbox) -> None:
        assert node.tool is not None
        self._tool = node.tool.builtin
        self._input = Field("input", node.input, variables)
        self._tools = tools

    def given(self, variables: Mapping[str, object]) -> Any:
        """The arguments."""
        arguments = self._input.render(variables)
        if arguments is None:
            return {}
        if not isinstance(arguments, dict):
            raise NodeFailed(f"the input of a tool must be an object of its arguments, not {arguments!r}")
        return arguments

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        key = invocation.idempotency_key
        observation = await self._tools.call(ToolCall(key, self._tool, given), idempotency_key=key)
        if observation.failed:
            raise NodeFailed(observation.content["error"])
        return StepResult(observation.content)
