"""Actions of nodes and where they lead: a word that no node takes, or that leads nowhere, is refused.

What ends a run though the flow goes on elsewhere, and may be meant so, is a warning: `covey flow check` tells
it, and so does the status of a run that ended in that way.
"""

from collections.abc import Iterator

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.graph import DEFAULT, FAILED, TIMEOUT, own_actions
from agent_runtime.compile.flows.names import nearest
from agent_runtime.compile.resolution import Resolution


def check_actions(graph: Graph, field: str, resolution: Resolution) -> None:
    """Refuse what is wrong with the `next` of each node, and with the actions of branches."""
    for index, node in enumerate(graph.nodes):
        _check_next(node, f"{field}.nodes[{index}]", resolution)


def warnings(graph: Graph) -> Iterator[str]:
    """What ends a run, and may not be meant to."""
    for node in graph.nodes:
        for action in _silent_ends(node):
            yield f'node "{node.name}": {ending(node, action)}'


def ending(node: FlowNode, action: str) -> str:
    """What is said of an action that ends the flow, and may not be meant to."""
    has = ", ".join(node.next) or "no action at all"
    return f'the action "{action}" has no next, so that the run ends there; its next has {has}'


def ends_silently(node: FlowNode, action: str) -> bool:
    """Whether the flow ends by this action, and the node has others or is a branch that chose it."""
    onward = node.next.keys() - {FAILED, TIMEOUT}
    chosen = node.branch is not None and action != DEFAULT
    return (bool(onward) or chosen) and action not in node.next


def _silent_ends(node: FlowNode) -> list[str]:
    if node.approve is not None:
        possible = [*node.approve.actions]
    elif node.branch is not None:
        possible = list(dict.fromkeys([*(branch.action for branch in node.branch), DEFAULT]))
    else:
        possible = []
    return [action for action in possible if ends_silently(node, action)]


def _check_next(node: FlowNode, place: str, resolution: Resolution) -> None:
    takes = own_actions(node)
    for action in node.next:
        if action not in takes:
            why = ""
            if action == TIMEOUT and node.approve is not None:
                why = "; timeout needs approve.timeout"
            resolution.refuse(
                "UnknownAction",
                f'{place}.next.{action}: node "{node.name}" never takes the action "{action}"'
                f"{nearest(action, takes)}; it takes {', '.join(takes)}{why}",
                f"{place}.next.{action}",
            )
    if not node.next:
        return  # the last node of its flow, a branch too: a warning says that the run ends there
    for position, branch in enumerate(node.branch or ()):
        if branch.action not in node.next and branch.action != DEFAULT:
            at = f"{place}.branch[{position}].action"
            resolution.refuse(
                "UnknownAction",
                f'{at}: the action "{branch.action}" leads nowhere{nearest(branch.action, node.next)}; '
                f"next has {', '.join(node.next)}: add the node that follows. To end the run there, let the "
                f"branch take {DEFAULT}, without a next",
                at,
            )
