"""A Flow, checked: its graph, its expressions, its parameters, its triggers, and what it references."""

from agent_runtime.api.flow import FlowResource, FlowSpec, Graph
from agent_runtime.compile.flows.graph import check_graph
from agent_runtime.compile.flows.publishing import check_board
from agent_runtime.compile.flows.steps import check_works
from agent_runtime.compile.flows.subflows import subflows
from agent_runtime.compile.flows.triggers import check_triggers
from agent_runtime.compile.model import resolve_model
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup


def check_flow(flow: FlowResource, lookup: Lookup) -> Compiled[FlowSpec]:
    """The flow as it is, or everything that is wrong with it at once."""
    resolution = Resolution(lookup, flow.namespace)
    check_whole(flow.spec, "spec", lookup, flow.namespace, resolution, name=flow.name)
    check_triggers(flow.spec, resolution)
    return resolution.compiled(flow.spec)


def check_whole(
    graph: Graph, field: str, lookup: Lookup, namespace: str, resolution: Resolution, *, name: str
) -> dict[str, Graph]:
    """Check the graph that stands at `field`, with all that it names; returns the flows within it."""
    check_graph(graph, field, resolution)
    check_works(graph, field, resolution)
    for index, node in enumerate(graph.nodes):
        place = f"{field}.nodes[{index}]"
        if node.agent is not None:
            resolution.find("Agent", node.agent, f"{place}.agent")
        if node.llm is not None:
            model = f"{place}.llm.model.name"
            resolve_model(node.llm.model.name, model, lookup, namespace, resolution)
        if node.publish is not None:
            check_board(node.publish, f"{place}.publish", resolution)
        for position, source in enumerate(node.http.headers_from if node.http else ()):
            header = f"{place}.http.headersFrom[{position}].secretKeyRef"
            resolution.key("Secret", source.secret_key_ref, header)
    return subflows(graph, field, resolution, name)
