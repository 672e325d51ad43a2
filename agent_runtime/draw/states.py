"""How far a run has come, for each node and edge of its flow's graph."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent_runtime.api.flowrun import NodeState
from agent_runtime.draw.graph import DEFAULT, Edge

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Progress:
    """The states of a run's nodes by their paths, such as `review` or, in an inner flow, `review/draft`."""

    nodes: Mapping[str, NodeState]

    def took(self, path: str, edge: Edge) -> bool:
        """Whether the node at `path`, the edge's source, left by this edge when it last ended.

        A status tells of a node's last visit only, so an edge that was taken before that is not known.
        """
        node = self.nodes.get(path)
        if node is None or (node.action is None and node.state != "Succeeded"):
            return False
        return (node.action or DEFAULT) in edge.actions


def progress_of(nodes: Iterable[NodeState]) -> Progress:
    """From the `status.nodes` of a FlowRun."""
    return Progress({node.name: node for node in nodes})


def told(node: NodeState) -> str:
    """The state in words: `failed, 3 visits, 2 attempts`."""
    words = [node.state.lower()]
    if node.visits > 1:
        words.append(f"{node.visits} visits")
    if node.attempts is not None and node.attempts > 1:
        words.append(f"{node.attempts} attempts")
    if node.action is not None and node.action != DEFAULT and node.state in _ENDED:
        words.append(f"action {node.action}")
    return ", ".join(words)
