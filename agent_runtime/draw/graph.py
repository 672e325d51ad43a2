"""What there is to draw of a Flow: its nodes, and where each of their actions leads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent_runtime.api.flow import Graph as Declared
from agent_runtime.api.nodes import FlowNode

DEFAULT = "default"
MOST_NODES = 1000
"""In one drawing: an inner flow that would make it more is drawn as one node."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step."""

    name: str
    kind: str
    """The kind of its work, as the manifest calls it: agent, llm, branch ..."""
    label: str = ""
    """Whom or what it works with, such as the agent's name; free text, of any length."""
    mapped: bool = False
    """Whether its work is done for each item of a list."""
    inside: "Graph | None" = None
    """The graph of the Flow that it runs, when that is to be drawn too."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What comes after a node; all actions that lead to the same place are one edge."""

    source: str
    target: str | None
    """None: the flow ends."""
    actions: tuple[str, ...]
    only: bool = False
    """Whether the node always goes this way, so that nothing need be written on the edge."""

    @property
    def label(self) -> str:
        """What is written on it."""
        return "" if self.only else ", ".join(self.actions)


@dataclass(frozen=True, slots=True)
class Graph:
    """A Flow's graph; nodes in the order of the manifest, edges in the order of their sources."""

    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def walk(self, path: str = "") -> Iterator[tuple[str, "Graph", Node]]:
        """(path, the graph it is in, node) for each node, those of inner flows after their own."""
        for node in self.nodes:
            here = f"{path}/{node.name}" if path else node.name
            yield here, self, node
            if node.inside is not None:
                yield from node.inside.walk(here)


def graph_of(flow: Declared, flows: Mapping[str, Declared] | None = None) -> Graph:
    """The graph of a Flow. A node that runs another Flow shows its inside when `flows` has that Flow.

    An edge to a node that is not there is left out, and so is a Flow within itself: whether a Flow is in
    order is told by `compile.flows.flow.check_flow`, and one that is not can be drawn all the same.
    """
    return _Reading(flows or {}).graph(flow, frozenset())


class _Reading:
    """One graph being made, with all that is inside it: at most `MOST_NODES` nodes."""

    __slots__ = ("_flows", "_left")

    def __init__(self, flows: Mapping[str, Declared]) -> None:
        self._flows = flows
        self._left = MOST_NODES

    def graph(self, flow: Declared, around: frozenset[str]) -> Graph:
        """The Flow's graph; Flows that are `around` it are not drawn again inside."""
        self._left -= len(flow.nodes)
        nodes = {node.name: node for node in reversed(flow.nodes)}
        ordered = [node for node in flow.nodes if nodes[node.name] is node]
        return Graph(
            flow.start,
            tuple(self._node(node, around) for node in ordered),
            tuple(edge for node in ordered for edge in _edges(node, nodes)),
        )

    def _node(self, node: FlowNode, around: frozenset[str]) -> Node:
        inner = None if node.flow is None or node.flow in around else self._flows.get(node.flow)
        inside = None
        if inner is not None and len(inner.nodes) <= self._left:
            inside = self.graph(inner, around | {str(node.flow)})
        return Node(node.name, node.work, _label(node), node.map is not None, inside)


def _label(node: FlowNode) -> str:
    label = node.agent or node.flow or ""
    if node.llm is not None:
        label = node.llm.model.name
    elif node.tool is not None:
        label = node.tool.builtin
    elif node.http is not None:
        label = f"{node.http.method} {node.http.url}"
    elif node.python is not None:
        label = node.python.function
    elif node.publish is not None:
        label = f"{node.publish.type} on {node.publish.blackboard}"
    elif node.reduce is not None:
        label = node.reduce.from_
    elif node.wait is not None:
        label = node.wait.duration or f"until {node.wait.until}"
    elif node.approve is not None:
        label = node.approve.prompt
    elif node.branch is not None:
        label = "; ".join(f"{branch.action}: {branch.when}" for branch in node.branch)
    return label


def _edges(node: FlowNode, nodes: Mapping[str, FlowNode]) -> list[Edge]:
    targets: dict[str | None, list[str]] = {}
    for action in dict.fromkeys((*_returned(node), *node.next)):
        target = node.next.get(action)
        if target is None or target in nodes:
            targets.setdefault(target, []).append(action)
    only = len(targets) == 1 and next(iter(targets.values())) == [DEFAULT]
    return [Edge(node.name, target, tuple(actions), only) for target, actions in targets.items()]


def _returned(node: FlowNode) -> list[str]:
    """The actions that the node returns whether or not its `next` names them."""
    if node.branch is not None:
        return [*(branch.action for branch in node.branch), DEFAULT]
    return list(node.approve.actions) if node.approve is not None else [DEFAULT]
