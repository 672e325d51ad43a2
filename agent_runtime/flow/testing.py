"""Test the phases of a node alone, sync or async alike, without a flow.

node = PhaseBench(Summarize(), params={"style": "short"})
assert node.prep({"text": "a b c"}) == "a b c"
assert node.exec("a b c") == "a"
shared = {}
assert node.post(shared, "a b c", "a") == "done"
assert shared == {"summary": "a"}
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from agent_runtime.flow.asynchronous import AsyncNode
from agent_runtime.flow.node import BaseNode, Node


@dataclass(frozen=True, slots=True)
class Phases:
    """What each phase of a visit returned."""

    prep_res: Any
    exec_res: Any
    action: Any


class PhaseBench:
    """Runs single phases of a copy of `node`, as a visit would; what one phase keeps on `self` the next sees.

    Coroutines are run to their end, so this is for tests that are not coroutines themselves.
    """

    def __init__(self, node: BaseNode, params: dict[str, Any] | None = None) -> None:
        self.node = node._clone()
        self.node.set_params({} if params is None else params)

    def prep(self, shared: Any) -> Any:
        """`prep` alone."""
        node = self.node
        return _finish(node.prep_async(shared)) if isinstance(node, AsyncNode) else node.prep(shared)

    def exec(self, prep_res: Any) -> Any:
        """`exec` with its attempts, its fallback and, for a batch node, its items."""
        result = self.node._exec(prep_res)
        return _finish(result) if isinstance(self.node, AsyncNode) else result

    def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
        """`exec_fallback` alone."""
        node = self.node
        if isinstance(node, AsyncNode):
            return _finish(node.exec_fallback_async(prep_res, exc))
        if isinstance(node, Node):
            return node.exec_fallback(prep_res, exc)
        raise TypeError(f"{type(node).__name__} has no fallback: it is no Node")

    def post(self, shared: Any, prep_res: Any = None, exec_res: Any = None) -> Any:
        """`post` alone; returns the action."""
        node = self.node
        if isinstance(node, AsyncNode):
            return _finish(node.post_async(shared, prep_res, exec_res))
        return node.post(shared, prep_res, exec_res)

    def visit(self, shared: Any) -> Phases:
        """All three phases, and what each returned."""
        prep_res = self.prep(shared)
        exec_res = self.exec(prep_res)
        return Phases(prep_res, exec_res, self.post(shared, prep_res, exec_res))


def _finish(phase: Coroutine[Any, Any, Any]) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(phase)
    phase.close()
    raise RuntimeError(
        "PhaseBench runs an event loop itself; in a coroutine await the node's own phases instead"
    )
