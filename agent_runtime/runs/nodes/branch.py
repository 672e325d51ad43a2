"""Take the action of the first condition that holds."""

from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import DEFAULT
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.base import NodeBase
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState


class BranchNode(NodeBase):
    """Without a condition that holds it takes `default`. It has no output: a decision hides none."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState) -> None:
        super().__init__(name=node.name)
        self.declare(node, scope, state)
        self._branches = [
            (Expression(branch.when, FLOW_VARIABLES), branch.action) for branch in node.branch or ()
        ]

    async def prep_async(self, shared: Shared) -> str:
        variables = self.variables(shared)
        for position, (when, action) in enumerate(self._branches):
            try:
                if when.holds(variables):
                    return action
            except CelError as error:
                raise NodeFailed(f"branch[{position}].when: {error}") from error
        return DEFAULT

    async def exec_async(self, prep_res: str) -> StepResult:
        return StepResult(None, prep_res)

    async def post_async(self, shared: Shared, prep_res: str, exec_res: StepResult) -> str:
        return exec_res.action
