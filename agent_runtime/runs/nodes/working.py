"""A node that does its work once in each visit."""

from functools import partial
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.runs.nodes.base import NOT_THE_NODES, NodeBase
from agent_runtime.runs.nodes.step import Step, StepResult, attempt
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState


class WorkNode(NodeBase):
    """Does its work, with attempts of bounded length."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState, work: Step) -> None:
        super().__init__(node.retry.max_attempts, seconds(node.retry.wait), name=node.name)
        self.declare(node, scope, state)
        self._work = work
        self._timeout = seconds(node.timeout)

    async def _exec(self, prep_res: Any) -> StepResult:
        # In place of the core's loop: attempts of earlier processes count, too.
        return await self.attempts().run(
            partial(self.exec_async, prep_res),
            on_attempt=self.note_attempt,
            on_retry=self.note_retry,
            passes=NOT_THE_NODES,
        )

    async def prep_async(self, shared: Shared) -> Any:
        return self._work.given(self.variables(shared))

    async def exec_async(self, prep_res: Any) -> StepResult:
        return await attempt(self._work, prep_res, self.invocation(), self._timeout)

    async def post_async(self, shared: Shared, prep_res: Any, exec_res: StepResult) -> str:
        return self.settle(shared, exec_res)
