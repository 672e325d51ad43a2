"""The shape of a graph, checked: parameters, names, edges, and that every node is reached."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.resolution import Resolution
from agent_runtime.core.json_schema import InvalidSchema, faults_in, validator
from agent_runtime.core.texts import unfit_in

DEFAULT = "default"
FAILED = "failed"
"""The action of a node that failed for good, when its `next` has it."""
TIMEOUT = "timeout"
"""The action of a node that waited for a person in vain, when its `next` has it."""


def check_graph(graph: Graph, field: str, resolution: Resolution) -> None:
    """Refuse what is wrong with the graph that stands at `field`."""
    _check_params(graph, field, resolution)
    first: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        before = first.setdefault(node.name, index)
        if before != index:
            place = f"{field}.nodes[{index}].name"
            resolution.refuse(
                "DuplicateNode",
                f'{place}: node "{node.name}" is there already, as {field}.nodes[{before}]: '
                "rename one of them",
                place,
            )
    there = ", ".join(first)
    for place, target in _edges(graph, field):
        if target not in first:
            resolution.refuse(
                "UnknownNode",
                f'{place}: there is no node "{target}", want one of {there}{_nearest(target, first)}',
                place,
            )
    if graph.start in first:
        _check_reachable(graph, field, resolution)


def _nearest(word: str, there: Collection[str]) -> str:
    near = get_close_matches(word, there, n=1)
    return f': did you mean "{near[0]}"?' if near else ""


def own_actions(node: FlowNode) -> list[str]:
    """The actions that the node can take."""
    if node.branch:
        return list(dict.fromkeys([*(branch.action for branch in node.branch), DEFAULT, FAILED]))
    if node.approve:
        late = [] if node.approve.timeout is None else [TIMEOUT]
        return list(dict.fromkeys([*node.approve.actions, *late, FAILED]))
    return [DEFAULT, FAILED]


def _check_params(graph: Graph, field: str, resolution: Resolution) -> None:
    for name, schema in graph.params.items():
        place = f"{field}.params.{name}"
        if (unfit := unfit_in(schema)) is not None:
            at = f"{place}{unfit.path}"
            resolution.refuse("InvalidSchema", f"{at}: {unfit.message}", at)
            continue
        try:
            validator(schema)
        except InvalidSchema as error:
            resolution.refuse("InvalidSchema", f"{place}: not a valid JSON Schema: {error}", place)
            continue
        if "default" in schema:
            for path, message in faults_in(schema, schema["default"]):
                at = f"{place}.default{path}"
                resolution.refuse(
                    "InvalidSchema", f"{at}: the default does not fit its own schema: {message}", at
                )


def _edges(graph: Graph, field: str) -> Iterator[tuple[str, str]]:
    yield f"{field}.start", graph.start
    for index, node in enumerate(graph.nodes):
        for action, target in node.next.items():
            yield f"{field}.nodes[{index}].next.{action}", target


def _check_reachable(graph: Graph, field: str, resolution: Resolution) -> None:
    nodes = {node.name: node for node in reversed(graph.nodes)}
    reached: set[str] = set()
    waiting = [graph.start]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in reached:
            reached.add(name)
            waiting += _successors(nodes[name])
    for index, node in enumerate(graph.nodes):
        if node.name not in reached:
            place = f"{field}.nodes[{index}]"
            resolution.refuse(
                "UnreachableNode",
                f'{place}: node "{node.name}" is never reached from "{graph.start}": '
                "name it in the next of a node that is reached, or remove it",
                place,
            )


def _successors(node: FlowNode) -> list[str]:
    """Nodes that can come next. An action that the node never takes is refused elsewhere."""
    return list(node.next.values())
