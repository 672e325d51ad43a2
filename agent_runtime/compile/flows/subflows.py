"""The flows that run within a flow, found and checked."""

from collections.abc import Mapping

from agent_runtime.api.flow import FlowResource, Graph
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import check_graph
from agent_runtime.compile.flows.inputs import check_params
from agent_runtime.compile.flows.steps import check_works
from agent_runtime.compile.resolution import Resolution

DEEPEST = 16
"""Flows within flows."""


def subflows(graph: Graph, field: str, resolution: Resolution, name: str) -> dict[str, Graph]:
    """Every Flow that nodes of the graph, which is called `name`, run: directly or within others, by name.

    Refuses circles, flows that cannot be run, parameters that a flow does not have, and what a mapped flow
    cannot do.
    """
    found: dict[str, Graph] = {}
    for index, node in enumerate(graph.nodes):
        if node.flow is None:
            continue
        place = f"{field}.nodes[{index}]"
        within = _descend(node.flow, f"{place}.flow", resolution, (name,))
        found |= within
        if node.flow in within:
            _check_input(node, within[node.flow], f"{place}.input", resolution)
            check_params(node, within[node.flow], f"{place}.input", resolution)
        if node.map is not None:
            _refuse_suspending(within, f"{place}.flow", resolution)
    return found


def _descend(name: str, field: str, resolution: Resolution, around: tuple[str, ...]) -> dict[str, Graph]:
    """The flow and all within it. What is wrong with them is said at `field`, which leads there."""
    if name in around or len(around) > DEEPEST:
        chain = " -> ".join((*around, name))
        message = f"{field}: flows run each other without end: {chain}: break the circle"
        resolution.refuse("FlowCycle", message, field)
        return {}
    flow = resolution.resource(FlowResource, name, field)
    if flow is None:
        return {}
    _check(flow, field, resolution)
    found: dict[str, Graph] = {name: flow.spec.graph}
    for node in flow.spec.nodes:
        if node.flow is not None:
            found |= _descend(node.flow, field, resolution, (*around, name))
    return found


def every_node(graph: Graph, flows: Mapping[str, Graph]) -> list[FlowNode]:
    """The nodes of the graph and of the flows within it."""
    return [node for each in (graph, *flows.values()) for node in each.nodes]


def _check(flow: FlowResource, field: str, resolution: Resolution) -> None:
    """A flow that is wrong in itself is another resource's fault, and said so."""
    own = Resolution(lambda kind, name: None, flow.namespace)
    check_graph(flow.spec, "spec", own)
    check_works(flow.spec, "spec", own)
    problems = own.compiled(None).problems
    if problems:
        resolution.not_ready("Flow", flow.name, problems[0].message, field)


def _check_input(node: FlowNode, graph: Graph, field: str, resolution: Resolution) -> None:
    """What can be known before the run: the names, when the input is an object."""
    if node.input is not None and not isinstance(node.input, dict):
        return
    given = node.input or {}
    has = ", ".join(graph.params) or "none"
    for name in sorted(given.keys() - graph.params.keys()):
        message = f'{field}.{name}: Flow "{node.flow}" has no such parameter, it has {has}'
        resolution.refuse("InvalidParams", message, f"{field}.{name}")
    for name, schema in graph.params.items():
        if name not in given and "default" not in schema:
            message = f'{field}.{name}: Flow "{node.flow}" needs this parameter: set it'
            resolution.refuse("InvalidParams", message, f"{field}.{name}")


def _refuse_suspending(flows: Mapping[str, Graph], field: str, resolution: Resolution) -> None:
    for name, graph in flows.items():
        for node in graph.nodes:
            why = "asks a person" if node.approve else "is mapped in Jobs" if _in_jobs(node) else ""
            if why:
                resolution.refuse(
                    "InvalidSpec",
                    f'{field}: node "{node.name}" of Flow "{name}" {why}, which a flow that is mapped '
                    "cannot do: move the node out of it",
                    field,
                )


def _in_jobs(node: FlowNode) -> bool:
    return node.map is not None and node.map.isolation == "Job"
