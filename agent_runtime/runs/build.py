"""From a declared flow to a graph that can be run."""

from collections.abc import Mapping

from agent_runtime.api.flow import FlowNode
from agent_runtime.compile.config import RunConfig
from agent_runtime.flow import AsyncFlow
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.nodes import (
    DEFAULT,
    FAILED,
    AgentNode,
    BranchNode,
    DeclaredNode,
    LlmNode,
    RunState,
    ToolNode,
)
from agent_runtime.runs.port import AskAgent
from agent_runtime.tools.toolbox import Toolbox


def build(
    config: RunConfig,
    state: RunState,
    *,
    models: Mapping[str, ModelClient],
    ask_agent: AskAgent,
    tools: Toolbox,
) -> AsyncFlow:
    """The graph of the run's flow, for one run. The flow was checked when it was compiled."""

    def node(declared: FlowNode) -> DeclaredNode:
        if declared.agent is not None:
            return AgentNode(declared, state, ask_agent)
        if declared.llm is not None:
            return LlmNode(declared, state, models[declared.llm.model.name])
        if declared.tool is not None:
            return ToolNode(declared, state, tools)
        return BranchNode(declared, state)

    spec = config.flow
    nodes = {declared.name: node(declared) for declared in spec.nodes}
    for declared in spec.nodes:
        for action in _actions(declared):
            target = declared.next.get(action)
            # None is a deliberate end: an action that is not in `next` ends the flow.
            nodes[declared.name].next(nodes[target] if target is not None else None, action)
    flow = AsyncFlow(nodes[spec.start], max_steps=spec.max_steps)
    flow.set_params(config.params)
    return flow


def _actions(node: FlowNode) -> list[str]:
    """Every action that the node can take or that `next` names."""
    taken = [branch.action for branch in node.branch or ()]
    return list(dict.fromkeys([*taken, *node.next, DEFAULT, FAILED]))
