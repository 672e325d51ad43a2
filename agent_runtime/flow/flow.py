"""Flows: graphs of nodes, which are nodes themselves."""

from collections.abc import Iterable
from typing import Any, TypeVar

from agent_runtime.flow.names import Names
from agent_runtime.flow.node import BaseNode
from agent_runtime.flow.observed import ObservedWalk, open_walk, passing
from agent_runtime.flow.warn import warn
from agent_runtime.flow.wiring import check_action, check_reachable, check_target

Start = TypeVar("Start", bound=BaseNode | None)


class Flow(BaseNode):
    """Visits nodes from `start_node` on, each chosen by the action of the one before.

    `run` returns what `post` returns, by default the last node's action. A flow has `prep` and `post` around
    its pass, no `exec` and no attempts. One flow may run many times at once: each visit is to a copy.

    `max_steps` limits the visits of one pass; nested flows count their own.
    """

    start_node: BaseNode | None = None
    max_steps: int = 10_000

    def __init__(
        self, start: BaseNode | None = None, *, name: str | None = None, max_steps: int | None = None
    ) -> None:
        super().__init__(name=name)
        check_target(start, BaseNode, role="start")
        self.start_node = start
        if max_steps is not None:
            self.max_steps = max_steps

    def start(self, start: Start) -> Start:
        """Set the first node and return it."""
        check_target(start, BaseNode, role="start")
        self.start_node = start
        return start

    def add_edges(self, edges: Iterable[tuple[BaseNode, str, BaseNode | None]]) -> None:
        """Wire `(source, action, successor)` triples; None as the successor is a deliberate end.

        All are checked before the first is wired. Warns of sources to which the start node does not lead.
        """
        wanted = [_checked(index, edge) for index, edge in enumerate(edges)]
        for source, action, successor in wanted:
            source.next(successor, action)
        if self.start_node is not None:
            check_reachable([source for source, _, _ in wanted], Names(self.start_node).nodes())

    def get_next_node(self, curr: BaseNode, action: Any) -> BaseNode | None:
        """The successor of `curr` for `action`; None ends the flow, with a warning unless that was wired."""
        key = action or "default"
        try:
            successor = curr.successors.get(key)
        except TypeError:
            raise TypeError(
                f"{type(curr).__name__}.{_post(curr)} returned {action!r} as its action; it must be "
                "hashable, and is a string as a rule. Results belong into the shared store."
            ) from None
        if successor is None and curr.successors and key not in curr.successors:
            warn(f"Flow ends: '{action}' not found in {list(curr.successors)}")
        return successor

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """Return the flow's own action; `exec_res` is the last node's."""
        return exec_res

    def _orch(self, shared: Any, params: dict[str, Any] | None = None) -> Any:
        with open_walk(self, shared, params) as walk:
            while (node := walk.node) is not None:
                if isinstance(walk, ObservedWalk):
                    with walk.visiting():
                        walk.advance(node._run(shared))
                    walk.boundary()
                else:
                    walk.advance(node._run(shared))
        return walk.action

    def _run(self, shared: Any) -> Any:
        prep_res = self.prep(shared)
        return self.post(shared, prep_res, self._orch(shared))


class BatchFlow(Flow):
    """Makes one pass for each dict of `prep`'s iterable, merged over the flow's params, until one fails.

    `post` gets `(shared, prep_res, None)`. None is an empty batch.
    """

    def _run(self, shared: Any) -> Any:
        prep_res = self.prep(shared) or []
        for index, params in enumerate(prep_res):
            with passing(self, index):
                self._orch(shared, params_of_pass(self, index, params))
        return self.post(shared, prep_res, None)


def params_of_pass(flow: Flow, index: int, item: Any) -> dict[str, Any]:
    """The flow's own params with those of an item over them; raises TypeError for an item that is no dict."""
    try:
        return {**flow.params, **item}
    except TypeError:
        raise TypeError(
            f"{type(flow).__name__}.prep returned {item!r} as number {index} of its passes; "
            "each must be a dict of params"
        ) from None


def _post(node: BaseNode) -> str:
    return "post_async" if hasattr(node, "post_async") else "post"


def _checked(index: int, edge: Any) -> tuple[BaseNode, str, BaseNode | None]:
    if not isinstance(edge, tuple) or len(edge) != 3:
        raise TypeError(f"Edge {index} must be (source, action, successor), not {edge!r}")
    source, action, successor = edge
    if not isinstance(source, BaseNode):
        raise TypeError(f"Edge {index}: {source!r} cannot be a source, it is no node")
    try:
        check_target(successor, BaseNode)
        return source, check_action(action), successor
    except TypeError as fault:
        raise TypeError(f"Edge {index}: {fault}") from None
