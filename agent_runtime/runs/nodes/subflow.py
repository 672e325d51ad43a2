"""Run another Flow within the run: nodes of its own, on a store and parameters of their own."""

from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.params import complete_params
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.flow import AsyncFlow, BaseNode, StepLimitExceeded
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.failures import message_of
from agent_runtime.runs.nodes.base import NodeBase
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

AGAIN = "$again"
"""The action of an attempt that failed and is followed by another: an edge leads back to the node."""


def checked_params(name: str, graph: Graph, given: Any) -> dict[str, Any]:
    """The parameters of a flow that a node runs. Raises NodeFailed, which names what is wrong."""
    if given is not None and not isinstance(given, dict):
        raise NodeFailed(
            f'input: Flow "{name}" takes an object of its parameters, not {type(given).__name__}'
        )
    params, faults = complete_params(graph, given or {})
    if faults:
        raise NodeFailed("; ".join(f'input.{path}: Flow "{name}": {message}' for path, message in faults))
    return params


def too_many_steps(name: str, graph: Graph) -> NodeFailed:
    """A flow within the run has no end."""
    return NodeFailed(
        f'Flow "{name}" made {graph.max_steps} visits, its maxSteps, without an end: raise it, '
        "or end the loop"
    )


class SubflowNode(NodeBase, AsyncFlow):
    """The flow's result is the output. Its nodes have checkpoints like the run's own.

    An attempt is a visit: the next one begins the flow anew, in this process or another.
    """

    def __init__(
        self, node: FlowNode, scope: Scope, state: RunState, graph: Graph, inner: Scope, start: BaseNode
    ) -> None:
        AsyncFlow.__init__(self, start, name=node.name, max_steps=graph.max_steps)
        self.declare(node, scope, state)
        assert node.flow is not None
        self._flow_name = node.flow
        self._graph = graph
        self._inner = inner
        self._input = Field("input", node.input, FLOW_VARIABLES)
        self._result = None if graph.result is None else Field("result", graph.result, FLOW_VARIABLES)

    async def prep_async(self, shared: Shared) -> None:
        given = self._input.render(self.variables(shared))
        # The walk of this flow, and so its nodes, take the params from here.
        self.params = checked_params(self._flow_name, self._graph, given)
        self._inner.begin(shared)

    async def _orch_async(self, shared: Shared, params: dict[str, Any] | None = None) -> Any:
        try:
            return await super()._orch_async(shared, params)
        except StepLimitExceeded as error:
            raise too_many_steps(self._flow_name, self._graph) from error

    async def post_async(self, shared: Shared, prep_res: None, exec_res: Any) -> str:
        if self._result is None:
            value = self._inner.last(shared)
        else:
            value = self._result.render({"params": self.params, "shared": self._inner.outputs(shared)})
        self._leave(shared, failures=0)
        return self.settle(shared, StepResult(value))

    async def _run_async(self, shared: Shared) -> Any:
        action = await super()._run_async(shared)
        if action == AGAIN:
            await self.state.services.clock.sleep(seconds(self.declared.retry.wait))
        return action

    def failure(self, shared: Shared, error: Exception) -> StepResult:
        failures = self.scope.failures(shared, self.declared.name) + 1
        if failures < self.declared.retry.max_attempts:
            self._leave(shared, failures)
            return StepResult({"error": message_of(error)}, AGAIN)
        self._leave(shared, failures=0)
        return super().failure(shared, error)

    def _leave(self, shared: Shared, failures: int) -> None:
        self._inner.end(shared)
        self.scope.set_failures(shared, self.declared.name, failures)
