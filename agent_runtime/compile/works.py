"""What the nodes of a graph do, checked: expressions, and references to other nodes."""

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode, HttpWork
from agent_runtime.compile.functions import check_function
from agent_runtime.compile.resolution import Resolution

FLOW_VARIABLES = ("params", "shared")
"""What expressions of a flow see: the parameters, and the outputs of the nodes so far."""
REDUCE_VARIABLES = ("items", *FLOW_VARIABLES)
"""What `reduce.with` sees besides: the results of the mapped node."""


def node_variables(node: FlowNode) -> tuple[str, ...]:
    """What the expressions of a node's work see: of a mapped one also the item and its index."""
    return FLOW_VARIABLES if node.map is None else (*FLOW_VARIABLES, node.map.as_, "index")


def check_works(graph: Graph, field: str, resolution: Resolution) -> None:
    """Refuse what is wrong with the work of each node of the graph that stands at `field`."""
    for index, node in enumerate(graph.nodes):
        _check_work(node, graph, f"{field}.nodes[{index}]", resolution)
    if graph.result is not None:
        resolution.template(graph.result, FLOW_VARIABLES, f"{field}.result")


def _check_work(node: FlowNode, graph: Graph, field: str, resolution: Resolution) -> None:
    variables = node_variables(node)
    if node.map is not None:
        _check_map(node, field, resolution)
    resolution.template(node.input, variables, f"{field}.input")
    if node.llm is not None:
        resolution.template(node.llm.prompt, variables, f"{field}.llm.prompt")
        if node.llm.instructions is not None:
            resolution.template(node.llm.instructions, variables, f"{field}.llm.instructions")
    check_function(node, field, resolution)
    if node.http is not None:
        _check_http(node.http, variables, f"{field}.http", resolution)
    if node.reduce is not None:
        resolution.template(node.reduce.with_, REDUCE_VARIABLES, f"{field}.reduce.with")
        _check_is_mapped(node.reduce.from_, graph, f"{field}.reduce.from", resolution)
    for index, branch in enumerate(node.branch or []):
        resolution.expression(branch.when, FLOW_VARIABLES, f"{field}.branch[{index}].when")
    if node.wait is not None and node.wait.until is not None:
        resolution.template(node.wait.until, FLOW_VARIABLES, f"{field}.wait.until")
    if node.approve is not None:
        resolution.template(node.approve.prompt, FLOW_VARIABLES, f"{field}.approve.prompt")


def _check_map(node: FlowNode, field: str, resolution: Resolution) -> None:
    assert node.map is not None
    resolution.template(node.map.over, FLOW_VARIABLES, f"{field}.map.over")
    if node.map.as_ in (*FLOW_VARIABLES, "index"):
        place = f"{field}.map.as"
        taken = ", ".join((*FLOW_VARIABLES, "index"))
        resolution.refuse(
            "InvalidSpec", f"{place}: {node.map.as_} has a meaning already ({taken}): take another", place
        )


def _check_http(http: HttpWork, variables: tuple[str, ...], field: str, resolution: Resolution) -> None:
    resolution.template(http.url, variables, f"{field}.url")
    if not http.url.startswith(("http://", "https://", "${")):
        resolution.refuse(
            "InvalidSpec",
            f"{field}.url: want http://... or https://..., got {http.url[:60]!r}",
            f"{field}.url",
        )
    for name, value in http.headers.items():
        resolution.template(value, variables, f"{field}.headers.{name}")


def _check_is_mapped(name: str, graph: Graph, field: str, resolution: Resolution) -> None:
    mapped = [node.name for node in graph.nodes if node.map is not None]
    if name not in mapped:
        want = f"want one of {', '.join(mapped)}" if mapped else "and the flow has no mapped node"
        resolution.refuse("UnknownNode", f'{field}: there is no mapped node "{name}", {want}', field)
