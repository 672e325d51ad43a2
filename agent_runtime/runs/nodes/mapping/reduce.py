"""Make one value of the results of a mapped node."""

from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.steps import REDUCE_VARIABLES
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.base import NodeBase
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState


class ReduceNode(NodeBase):
    """`items` are the results of the node `from`, whose output lies under `key`."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState, key: str) -> None:
        super().__init__(name=node.name)
        self.declare(node, scope, state)
        assert node.reduce is not None
        self._source = node.reduce.from_
        self._key = key
        self._with = Field("reduce.with", node.reduce.with_, REDUCE_VARIABLES)

    async def prep_async(self, shared: Shared) -> Any:
        variables = self.variables(shared)
        items = variables["shared"].get(self._key)
        if not isinstance(items, list):
            raise NodeFailed(
                f'reduce.from: node "{self._source}" has yielded no list (shared.{self._key} is '
                f"{type(items).__name__}): let the flow pass through it first"
            )
        return self._with.render({**variables, "items": items})

    async def exec_async(self, prep_res: Any) -> StepResult:
        return StepResult(prep_res)

    async def post_async(self, shared: Shared, prep_res: Any, exec_res: StepResult) -> str:
        return self.settle(shared, exec_res)
