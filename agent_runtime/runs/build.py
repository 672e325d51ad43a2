"""From a declared flow to a graph that can be run."""

from collections.abc import Mapping

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import DEFAULT, FAILED, own_actions
from agent_runtime.compile.flows.steps import node_variables
from agent_runtime.config.models import RunConfig
from agent_runtime.flow import AsyncFlow, BaseNode
from agent_runtime.runs.nodes.agent import AgentWork
from agent_runtime.runs.nodes.approve import ApproveNode
from agent_runtime.runs.nodes.branch import BranchNode
from agent_runtime.runs.nodes.cached import CachedWork
from agent_runtime.runs.nodes.flow import FlowWork
from agent_runtime.runs.nodes.http import HttpWork
from agent_runtime.runs.nodes.llm import ModelWork
from agent_runtime.runs.nodes.mapping.jobs import MapJobNode
from agent_runtime.runs.nodes.mapping.mapped import MapNode
from agent_runtime.runs.nodes.mapping.reduce import ReduceNode
from agent_runtime.runs.nodes.publish import PublishWork
from agent_runtime.runs.nodes.python import PythonWork
from agent_runtime.runs.nodes.step import Step
from agent_runtime.runs.nodes.subflow import AGAIN, SubflowNode
from agent_runtime.runs.nodes.tool import ToolWork
from agent_runtime.runs.nodes.wait import WaitNode
from agent_runtime.runs.nodes.working import WorkNode
from agent_runtime.runs.scope import Scope
from agent_runtime.runs.state import RunState


def build(config: RunConfig, state: RunState) -> AsyncFlow:
    """The graph of the run's flow, for one run. The flow was checked when it was compiled."""
    flow = Builder(config.flows, state).flow(config.flow)
    flow.set_params(config.params)
    return flow


class Builder:
    """Builds flows of one run; `flows` are those that nodes run, by name."""

    def __init__(self, flows: Mapping[str, Graph], state: RunState) -> None:
        self._flows = flows
        self._state = state

    def flow(self, graph: Graph) -> AsyncFlow:
        """A flow to be run by itself."""
        return AsyncFlow(self._start(graph, Scope()), max_steps=graph.max_steps)

    def item_node(self, node: FlowNode, scope: Scope) -> MapNode:
        """A mapped node, as it works on one item at a time."""
        return MapNode(node, scope, self._state, self._work(node))

    def _start(self, graph: Graph, scope: Scope) -> BaseNode:
        nodes = {node.name: self._node(node, graph, scope) for node in graph.nodes}
        for node in graph.nodes:
            source = nodes[node.name]
            for action in _actions(node):
                # None is a deliberate end: an action that is not in `next` ends the flow.
                source.next(nodes.get(node.next.get(action, "")), action)
            if isinstance(source, SubflowNode):
                source.next(source, AGAIN)
        return nodes[graph.start]

    def _node(self, node: FlowNode, graph: Graph, scope: Scope) -> BaseNode:
        state = self._state
        if node.map is not None:
            in_jobs = node.map.isolation == "Job"
            return MapJobNode(node, scope, state) if in_jobs else self.item_node(node, scope)
        match node.work:
            case "flow":
                inner, within = self._flows[str(node.flow)], scope.within(node.name)
                return SubflowNode(node, scope, state, inner, within, self._start(inner, within))
            case "branch":
                return BranchNode(node, scope, state)
            case "wait":
                return WaitNode(node, scope, state)
            case "approve":
                return ApproveNode(node, scope, state)
            case "reduce":
                return ReduceNode(node, scope, state, _source_key(node, graph))
            case _:
                return WorkNode(node, scope, state, self._work(node))

    def _work(self, node: FlowNode) -> Step:
        work = self._plain_work(node)
        store = self._state.services.store
        return work if node.cache is None or store is None else CachedWork(work, node, self._state, store)

    def _plain_work(self, node: FlowNode) -> Step:
        services, variables = self._state.services, node_variables(node)
        if node.agent is not None:
            return AgentWork(node, variables, services.ask_agent)
        if node.llm is not None:
            return ModelWork(node, variables, services.models[node.llm.model.name])
        if node.tool is not None:
            return ToolWork(node, variables, services.tools)
        if node.http is not None:
            assert services.http is not None
            return HttpWork(node, variables, services.http, services.environ)
        if node.python is not None:
            return PythonWork(node, variables, services.functions)
        if node.publish is not None:
            return PublishWork(node, variables, services.publish, services.publisher)
        graph = self._flows[str(node.flow)]
        return FlowWork(node, variables, graph, self._state, self._alone)

    def _alone(self, graph: Graph, state: RunState) -> AsyncFlow:
        return Builder(self._flows, state).flow(graph)


def _source_key(node: FlowNode, graph: Graph) -> str:
    assert node.reduce is not None
    source = node.reduce.from_
    return next(each.key for each in graph.nodes if each.name == source)


def _actions(node: FlowNode) -> list[str]:
    """Every action that the node can take or that `next` names."""
    return list(dict.fromkeys([*own_actions(node), *node.next, DEFAULT, FAILED]))
