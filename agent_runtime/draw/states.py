"""How far a run has come, for each node and edge of its flow's graph."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent_runtime.api.flowrun import NodeState
from agent_runtime.draw.graph import DEFAULT, Edge

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Progress:
    """The states of a run's nodes by their paths, such as `review` or, in an inner flow, `review/draft`."""

    nodes: Mapping[str, NodeState]
    actions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """All actions by which each node ended, where the run's history is known; else a status has the last."""

    def took(self, path: str, edge: Edge) -> bool:
        """Whether the run left the node at `path`, the edge's source, by this edge.

        Without a history, when it last ended: an edge that was taken before that is not known.
        """
        if not self.actions.get(path, frozenset()).isdisjoint(edge.actions):
            return True
        node = self.nodes.get(path)
        if node is None or (node.action is None and node.state != "Succeeded"):
            return False
        return (node.action or DEFAULT) in edge.actions


def progress_of(nodes: Iterable[NodeState], ends: Iterable[tuple[str, str | None]] = ()) -> Progress:
    """From the `status.nodes` of a FlowRun, and (path, action) of each end of a visit in its history."""
    actions: dict[str, set[str]] = {}
    for path, action in ends:
        actions.setdefault(path, set()).add(action or DEFAULT)
    return Progress({node.name: node for node in nodes}, {path: frozenset(a) for path, a in actions.items()})


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
