"""The nodes of a declared flow, one class for each kind of work."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.flow import FlowNode
from agent_runtime.cel import Expression
from agent_runtime.compile.flow import FLOW_VARIABLES
from agent_runtime.compile.template import Template
from agent_runtime.flow import AsyncNode
from agent_runtime.models.port import NO_USAGE, ModelClient, ModelRequest, ToolCall, Usage, UserMessage
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.port import AskAgent
from agent_runtime.tools.toolbox import Toolbox

FAILED = "failed"
"""The action of a node that failed for good."""
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Done:
    """What a node's work came to."""

    value: Any
    """JSON; it goes to the shared store."""
    action: str = DEFAULT
    usage: Usage = NO_USAGE


@dataclass(slots=True)
class RunState:
    """What a run knows besides its shared store."""

    usage: Usage = NO_USAGE
    last: Any = None
    """The output of the node visited last."""


class DeclaredNode(AsyncNode, ABC):
    """What all kinds share: input from templates, a timeout for each attempt, fallback, output.

    The shared store holds nothing but the outputs of nodes, by their keys: JSON.
    """

    def __init__(self, node: FlowNode, state: RunState) -> None:
        super().__init__(node.retry.max_attempts, seconds(node.retry.wait), name=node.name)
        self._node = node
        self._state = state
        self._input = Template(node.input, FLOW_VARIABLES)
        self._timeout = seconds(node.timeout)

    async def prep_async(self, shared: dict[str, Any]) -> Any:
        """What the work is given."""
        return self._input.render(self.variables(shared))

    async def exec_async(self, prep_res: Any) -> Done:
        """One attempt at the work."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self.do(prep_res)
        except TimeoutError as error:
            raise NodeFailed(
                f"no result within {self._timeout:g}s: raise the node's timeout, or ask for less"
            ) from error

    async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Done:
        """What is done about the last failure: the action `failed`, the fallback's value, or both."""
        fallback = self._node.fallback
        if FAILED in self._node.next:
            return Done(fallback.value if fallback else {"error": str(exc)}, FAILED)
        if fallback is not None:
            return Done(fallback.value)
        raise exc

    async def post_async(self, shared: dict[str, Any], prep_res: Any, exec_res: Done) -> str:
        """Put the result where it belongs."""
        self._state.usage += exec_res.usage
        self.store(shared, exec_res)
        return exec_res.action

    @abstractmethod
    async def do(self, given: Any) -> Done:
        """The work itself."""

    def store(self, shared: dict[str, Any], done: Done) -> None:
        """Into the shared store, under the node's output key."""
        shared[self._node.output or self._node.name.replace("-", "_")] = self._state.last = done.value

    def variables(self, shared: Mapping[str, Any]) -> dict[str, Any]:
        """What expressions see."""
        return {"params": self.params, "shared": dict(shared)}


class AgentNode(DeclaredNode):
    """Asks an agent."""

    def __init__(self, node: FlowNode, state: RunState, ask: AskAgent) -> None:
        super().__init__(node, state)
        self._ask = ask

    async def do(self, given: Any) -> Done:
        """The agent's output when it has a type, else its reply."""
        if given is None or given == "":
            raise NodeFailed("there is nothing to ask the agent: set the node's input")
        answer = await self._ask(str(self._node.agent), _as_text(given))
        return Done(answer.reply if answer.output is None else answer.output, usage=answer.usage)


class LlmNode(DeclaredNode):
    """Asks a model, once."""

    def __init__(self, node: FlowNode, state: RunState, model: ModelClient) -> None:
        super().__init__(node, state)
        assert node.llm is not None
        self._model = model
        self._prompt = Template(node.llm.prompt, FLOW_VARIABLES)
        self._instructions = Template(node.llm.instructions or "", FLOW_VARIABLES)

    async def prep_async(self, shared: dict[str, Any]) -> tuple[str, str]:
        """The prompt, with the node's input below it, and the instructions."""
        variables = self.variables(shared)
        parts = [self._prompt.render(variables), self._input.render(variables)]
        prompt = "\n\n".join(_as_text(part) for part in parts if part is not None)
        return prompt, _as_text(self._instructions.render(variables))

    async def do(self, given: tuple[str, str]) -> Done:
        """The model's answer; an answer that is a JSON object or list is taken as such."""
        prompt, instructions = given
        response = await self._model.request(ModelRequest((UserMessage(prompt),), instructions=instructions))
        return Done(_structured(response.text), usage=response.usage)


class ToolNode(DeclaredNode):
    """Calls a tool."""

    def __init__(self, node: FlowNode, state: RunState, tools: Toolbox) -> None:
        super().__init__(node, state)
        assert node.tool is not None
        self._tool = node.tool.builtin
        self._tools = tools

    async def do(self, given: Any) -> Done:
        """The tool's result."""
        arguments = {} if given is None else given
        if not isinstance(arguments, dict):
            raise NodeFailed(f"the input of a tool must be an object of its arguments, not {arguments!r}")
        observation = await self._tools.call(ToolCall("node", self._tool, arguments))
        if observation.failed:
            raise NodeFailed(observation.content["error"])
        return Done(observation.content)


class BranchNode(DeclaredNode):
    """Takes the action of the first condition that holds, else `default`. It has no output."""

    def __init__(self, node: FlowNode, state: RunState) -> None:
        super().__init__(node, state)
        self._branches = [
            (Expression(branch.when, FLOW_VARIABLES), branch.action) for branch in node.branch or ()
        ]

    async def prep_async(self, shared: dict[str, Any]) -> dict[str, Any]:
        """What the conditions see."""
        return self.variables(shared)

    async def do(self, given: dict[str, Any]) -> Done:
        """The action."""
        action = next((action for when, action in self._branches if when.holds(given)), DEFAULT)
        return Done(None, action)

    def store(self, shared: dict[str, Any], done: Done) -> None:
        """Nothing: a decision is no output, and does not hide the one before."""


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _structured(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
