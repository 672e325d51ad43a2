"""One pass over a flow's graph: which node comes next, whoever drives it.

The walk takes no step by itself. A driver, sync or async, runs `walk.node` inside `with walk` and reports the
action by `walk.advance(action)`, until `walk.node` is None.
"""

from typing import TYPE_CHECKING, Any, Self

from agent_runtime.flow.errors import StepLimitExceeded
from agent_runtime.flow.names import given_name
from agent_runtime.flow.node import BaseNode

if TYPE_CHECKING:
    from agent_runtime.flow.flow import Flow


class Walk:
    """The state of a pass: the copy of the node to run now, the last action, the steps taken.

    The flow's graph is read, never changed.
    """

    __slots__ = ("_limit", "action", "flow", "node", "params", "shared", "steps")

    def __init__(self, flow: "Flow", shared: Any, params: dict[str, Any] | None) -> None:
        self.flow = flow
        self.shared = shared
        self.params: dict[str, Any] = params or {**flow.params}
        self.action: Any = None
        self.node: BaseNode | None = None
        self.steps = 0
        self._limit = flow.max_steps

    def __enter__(self) -> Self:
        """Go to the flow's start node."""
        self._go(self.flow.start_node)
        return self

    def __exit__(self, *_failure: object) -> None:
        """The pass is over, or failed."""

    def advance(self, action: Any) -> None:
        """The node ended with `action`: go to the one that follows."""
        self.action = action
        # The flow is asked, since subclasses may route in their own way. `node` is never None here.
        self._go(self.flow.get_next_node(self.node, action))  # type: ignore[arg-type]

    def _go(self, target: BaseNode | None) -> None:
        if not isinstance(target, BaseNode):
            if target:
                raise TypeError(f"{type(self.flow).__name__} cannot visit {target!r}: it is no node")
            self.node = None
            return
        if self.steps == self._limit:
            raise StepLimitExceeded(self._endless(target))
        self.steps += 1
        self.node = node = target._clone()
        node.set_params(self.params)

    def _endless(self, target: BaseNode) -> str:
        name = given_name(target)
        culprit = f"{type(target).__name__} {name!r}" if name else type(target).__name__
        return (
            f"{type(self.flow).__name__} took {self.steps} steps without an end; the last action, "
            f"{self.action!r}, leads to {culprit}. "
            "If that many are intended, set max_steps on the flow."
        )
