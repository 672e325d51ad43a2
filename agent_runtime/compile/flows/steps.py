"""What the nodes of a graph do, checked: expressions, and references to other nodes."""

from collections.abc import Iterator
from datetime import datetime

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode, HttpWork
from agent_runtime.compile.flows.actions import check_actions
from agent_runtime.compile.flows.functions import check_function
from agent_runtime.compile.flows.graph import FAILED
from agent_runtime.compile.flows.inputs import check_input
from agent_runtime.compile.flows.names import Known, check_names, check_source, constant, nearest
from agent_runtime.compile.flows.publishing import check_publish
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
    check_actions(graph, field, resolution)
    known: Known = {
        "params": tuple(graph.params),
        # Branches and waits have no output, but for the failure that `next.failed` leads to.
        "shared": [
            node.key for node in graph.nodes if (not node.branch and not node.wait) or FAILED in node.next
        ],
    }
    for index, node in enumerate(graph.nodes):
        place = f"{field}.nodes[{index}]"
        _check_work(node, graph, place, resolution)
        for at, value in _templates(node):
            check_names(value, known, f"{place}.{at}", resolution)
        for position, branch in enumerate(node.branch or ()):
            _check_when(branch.when, known, f"{place}.branch[{position}].when", resolution)
    if graph.result is not None:
        resolution.template(graph.result, FLOW_VARIABLES, f"{field}.result")
        check_names(graph.result, known, f"{field}.result", resolution)


def _templates(node: FlowNode) -> Iterator[tuple[str, object]]:
    """Every field of the node that holds expressions, but for conditions."""
    yield "input", node.input
    if node.map is not None:
        yield "map.over", node.map.over
    if node.llm is not None:
        yield "llm.prompt", node.llm.prompt
        yield "llm.instructions", node.llm.instructions
    if node.http is not None:
        yield "http.url", node.http.url
        for name, value in node.http.headers.items():
            yield f"http.headers.{name}", value
    if node.publish is not None:
        yield "publish.payload", node.publish.payload
        yield "publish.tags", node.publish.tags
        yield "publish.correlation", node.publish.correlation
        yield "publish.partition", node.publish.partition
    if node.reduce is not None:
        yield "reduce.with", node.reduce.with_
    if node.wait is not None:
        yield "wait.until", node.wait.until
    if node.approve is not None:
        yield "approve.prompt", node.approve.prompt


def _check_when(when: str, known: Known, field: str, resolution: Resolution) -> None:
    check_source(when, known, field, resolution)
    is_constant, value = constant(when)
    if is_constant and not isinstance(value, bool):
        resolution.refuse(
            "InvalidExpression",
            f"{field}: is always {_shown(value)}, which is neither true nor false: write a condition, "
            "such as shared.plan == 'yes'",
            field,
        )


def _shown(value: object) -> str:
    kind = {str: "the text ", type(None): ""}.get(type(value), "")
    return f"{kind}{'null' if value is None else repr(value)[:60]}"


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
    check_input(node, field, resolution)
    if node.http is not None:
        _check_http(node.http, variables, f"{field}.http", resolution)
    if node.publish is not None:
        check_publish(node, variables, f"{field}.publish", resolution)
    if node.reduce is not None:
        resolution.template(node.reduce.with_, REDUCE_VARIABLES, f"{field}.reduce.with")
        _check_is_mapped(node.reduce.from_, graph, f"{field}.reduce.from", resolution)
    for index, branch in enumerate(node.branch or []):
        resolution.expression(branch.when, FLOW_VARIABLES, f"{field}.branch[{index}].when")
    if node.wait is not None and node.wait.until is not None:
        resolution.template(node.wait.until, FLOW_VARIABLES, f"{field}.wait.until")
        _check_until(node.wait.until, f"{field}.wait.until", resolution)
    if node.approve is not None:
        resolution.template(node.approve.prompt, FLOW_VARIABLES, f"{field}.approve.prompt")


def _check_map(node: FlowNode, field: str, resolution: Resolution) -> None:
    assert node.map is not None
    resolution.template(node.map.over, FLOW_VARIABLES, f"{field}.map.over")
    _check_is_list(node.map.over, f"{field}.map.over", resolution)
    if node.map.as_ in (*FLOW_VARIABLES, "index"):
        place = f"{field}.map.as"
        taken = ", ".join((*FLOW_VARIABLES, "index"))
        resolution.refuse(
            "InvalidSpec", f"{place}: {node.map.as_} has a meaning already ({taken}): take another", place
        )


def _check_is_list(over: str, field: str, resolution: Resolution) -> None:
    """Refuse what can be seen to be no list."""
    is_hole = over.startswith("${") and over.endswith("}")
    if not is_hole:
        message = (
            f"{field}: is a text, not a list: write ${{...}} around the whole, such as ${{params.topics}}"
        )
        resolution.refuse("InvalidExpression", message, field)
        return
    is_constant, value = constant(over[2:-1])
    if is_constant and not isinstance(value, list | tuple):
        resolution.refuse("InvalidExpression", f"{field}: is always {_shown(value)}, not a list", field)


def _check_until(until: str, field: str, resolution: Resolution) -> None:
    """Refuse a fixed text that is no time."""
    if "${" in until:
        return
    try:
        datetime.fromisoformat(until)
    except ValueError:
        message = (
            f"{field}: {until[:60]!r} is no time: want RFC 3339, such as 2026-01-31T12:00:00Z, or ${{...}}"
        )
        resolution.refuse("InvalidSpec", message, field)


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
        want = (
            f"want one of {', '.join(mapped)}{nearest(name, mapped)}"
            if mapped
            else "and the flow has no mapped node"
        )
        resolution.refuse("UnknownNode", f'{field}: there is no mapped node "{name}", {want}', field)
