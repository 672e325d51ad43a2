"""Ask a model, once."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.models.port import ModelClient, ModelRequest, UserMessage
from agent_runtime.runs.nodes.step import PlainWork, StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.nodes.text import as_text, structured
from agent_runtime.runs.port import Invocation


class ModelWork(PlainWork):
    """The model's answer; one that is a JSON object or list is taken as such."""

    def __init__(self, node: FlowNode, variables: Iterable[str], model: ModelClient) -> None:
        assert node.llm is not None
        variables = tuple(variables)
        self._model = model
        self._prompt = Field("llm.prompt", node.llm.prompt, variables)
        self._instructions = Field("llm.instructions", node.llm.instructions or "", variables)
        self._input = Field("input", node.input, variables)

    def given(self, variables: Mapping[str, object]) -> Any:
        """The prompt, with the node's input below it, and the instructions."""
        parts = [self._prompt.render(variables), self._input.render(variables)]
        prompt = "\n\n".join(as_text(part) for part in parts if part is not None)
        return {"prompt": prompt, "instructions": as_text(self._instructions.render(variables))}

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        request = ModelRequest((UserMessage(given["prompt"]),), instructions=given["instructions"])
        response = await self._model.request(request)
        return StepResult(structured(response.text), usage=response.usage)
