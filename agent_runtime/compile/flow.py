"""A Flow, checked: its graph, its expressions, its parameters, and what it references."""

from collections.abc import Iterator

from agent_runtime.api.flow import FlowNode, FlowResource, FlowSpec
from agent_runtime.compile.model import resolve_model
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup
from agent_runtime.compile.schemas import InvalidSchema, faults_in, validator

FLOW_VARIABLES = ("params", "shared")
"""What expressions of a flow see: the parameters, and the outputs of the nodes so far."""


def check_flow(flow: FlowResource, lookup: Lookup) -> Compiled[FlowSpec]:
    """The flow as it is, or everything that is wrong with it at once."""
    resolution = Resolution(lookup, flow.namespace)
    spec = flow.spec
    _check_params(spec, resolution)
    _check_graph(spec, resolution)
    for index, node in enumerate(spec.nodes):
        _check_work(node, f"spec.nodes[{index}]", resolution)
    if spec.result is not None:
        resolution.template(spec.result, FLOW_VARIABLES, "spec.result")
    for index, node in enumerate(spec.nodes):
        if node.agent is not None:
            resolution.find("Agent", node.agent, f"spec.nodes[{index}].agent")
        if node.llm is not None:
            field = f"spec.nodes[{index}].llm.model.name"
            resolve_model(node.llm.model.name, field, lookup, flow.namespace, resolution)
    return resolution.compiled(spec)


def _check_params(spec: FlowSpec, resolution: Resolution) -> None:
    for name, schema in spec.params.items():
        field = f"spec.params.{name}"
        try:
            validator(schema)
        except InvalidSchema as error:
            resolution.refuse("InvalidSchema", f"{field}: not a valid JSON Schema: {error}", field)
            continue
        if "default" in schema:
            for place, message in faults_in(schema, schema["default"]):
                at = f"{field}.default{place}"
                resolution.refuse(
                    "InvalidSchema", f"{at}: the default does not fit its own schema: {message}", at
                )


def _check_graph(spec: FlowSpec, resolution: Resolution) -> None:
    first: dict[str, int] = {}
    for index, node in enumerate(spec.nodes):
        before = first.setdefault(node.name, index)
        if before != index:
            field = f"spec.nodes[{index}].name"
            resolution.refuse(
                "DuplicateNode",
                f'{field}: node "{node.name}" is there already, as spec.nodes[{before}]: rename one of them',
                field,
            )
    there = ", ".join(first)
    for field, target in _edges(spec):
        if target not in first:
            resolution.refuse(
                "UnknownNode", f'{field}: there is no node "{target}", want one of {there}', field
            )
    if spec.start in first:
        _check_reachable(spec, resolution)


def _edges(spec: FlowSpec) -> Iterator[tuple[str, str]]:
    yield "spec.start", spec.start
    for index, node in enumerate(spec.nodes):
        for action, target in node.next.items():
            yield f"spec.nodes[{index}].next.{action}", target


def _check_reachable(spec: FlowSpec, resolution: Resolution) -> None:
    nodes = {node.name: node for node in reversed(spec.nodes)}
    reached: set[str] = set()
    waiting = [spec.start]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in reached:
            reached.add(name)
            waiting += _successors(nodes[name])
    for index, node in enumerate(spec.nodes):
        if node.name not in reached:
            field = f"spec.nodes[{index}]"
            resolution.refuse(
                "UnreachableNode",
                f'{field}: node "{node.name}" is never reached from "{spec.start}": '
                f"{_why_unreached(node.name, nodes, reached)}",
                field,
            )


def _successors(node: FlowNode) -> list[str]:
    """Nodes that can come next. A branch takes its own actions only, and `default`."""
    actions = _branch_actions(node)
    return [target for action, target in node.next.items() if not actions or action in actions]


def _branch_actions(node: FlowNode) -> list[str]:
    return [*dict.fromkeys(branch.action for branch in node.branch), "default"] if node.branch else []


def _why_unreached(name: str, nodes: dict[str, FlowNode], reached: set[str]) -> str:
    for other in (node for node in nodes.values() if node.name in reached):
        for action, target in other.next.items():
            if target == name:
                return (
                    f'the action "{action}" that leads there is none of node "{other.name}", '
                    f"which takes {', '.join(_branch_actions(other))}"
                )
    return "name it in the next of a node that is reached, or remove it"


def _check_work(node: FlowNode, field: str, resolution: Resolution) -> None:
    resolution.template(node.input, FLOW_VARIABLES, f"{field}.input")
    if node.llm is not None:
        resolution.template(node.llm.prompt, FLOW_VARIABLES, f"{field}.llm.prompt")
        if node.llm.instructions is not None:
            resolution.template(node.llm.instructions, FLOW_VARIABLES, f"{field}.llm.instructions")
    for index, branch in enumerate(node.branch or []):
        resolution.expression(branch.when, FLOW_VARIABLES, f"{field}.branch[{index}].when")
