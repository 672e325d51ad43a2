"""Edges: what may follow a node, checked where the edge is written."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from agent_runtime.flow.warn import warn

if TYPE_CHECKING:
    from agent_runtime.flow.node import BaseNode

Target = TypeVar("Target", bound="BaseNode | None")


class Transition:
    """The left half of `node - "action" >> successor`."""

    __slots__ = ("action", "source")

    def __init__(self, source: "BaseNode", action: str) -> None:
        self.source = source
        self.action = action

    def __rshift__(self, target: Target) -> Target:
        return self.source.next(target, self.action)

    def __repr__(self) -> str:
        return f"{type(self.source).__name__} - {self.action!r}"


def check_action(action: object) -> str:
    """The action of an edge, which is a string; anything else is a TypeError."""
    if isinstance(action, str):
        return action
    raise TypeError(f"Action must be a string, not {action!r}")


def check_target(target: object, node_type: type["BaseNode"], role: str = "successor") -> None:
    """Raise TypeError, saying what to write instead, unless `target` is a node or None (a deliberate end)."""
    if target is None or isinstance(target, node_type):
        return
    raise TypeError(f"{_describe(target)} cannot be a {role}: {_cure(target, node_type)}")


def check_reachable(sources: Iterable["BaseNode"], reachable: Iterable["BaseNode"]) -> None:
    """Warn about edges that no run can take, because they leave an object that the flow never visits."""
    known = {id(node) for node in reachable}
    lost = dict.fromkeys(type(node).__name__ for node in sources if id(node) not in known)
    if lost:
        warn(
            f"The start node does not lead to the source of every edge: {', '.join(lost)}. "
            "Each call of a class makes another node; create it once and use that object in all its edges."
        )


def _describe(target: object) -> str:
    if isinstance(target, Transition):
        return f"The edge `{target!r}`"
    if isinstance(target, type):
        return f"The class {target.__name__}"
    return f"{target!r} ({type(target).__name__})"


def _cure(target: Any, node_type: type["BaseNode"]) -> str:
    if isinstance(target, Transition):
        return (
            "`-` binds tighter than `>>`, so `a >> b - 'x' >> c` reads `a >> (b - 'x') >> c`. "
            "Write two edges: `a >> b` and `b - 'x' >> c`."
        )
    if isinstance(target, type) and issubclass(target, node_type):
        return f"create a node of it: `{target.__name__}()`."
    if isinstance(target, (list, tuple, set, frozenset)):
        return (
            "an action leads to one node. Name an action for each (`a - 'x' >> b`), "
            "or do the work in parallel inside one AsyncParallelBatchNode or AsyncParallelBatchFlow."
        )
    return "it must be a node or a flow of agent_runtime.flow, or None for a deliberate end."
