"""Test the phases of a node alone, plain or async, without a flow.

    bench = PhaseBench(Summarize(), params={"style": "short"})
    assert bench.prep({"text": "a b c"}) == "a b c"
    assert bench.exec("a b c") == "a"
    shared = {}
    assert bench.post(shared, "a b c", "a") == "done"
    assert shared == {"summary": "a"}

More in docs/flows-in-python.md.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from agent_runtime.flow.asynchronous import AsyncNode
from agent_runtime.flow.flow import Flow
from agent_runtime.flow.node import BaseNode, Node


@dataclass(frozen=True, slots=True)
class Phases:
    """What each phase of a visit returned."""

    prep_res: Any
    exec_res: Any
    action: Any


class PhaseBench:
    """Runs single phases of a copy of `node`, as a visit would; what one phase keeps on `self` the next sees.

    `node` is that copy. All attempts are made, without the waits between them. In a test that is a coroutine
    use the methods with the suffix; both sorts take plain and async nodes alike.
    """

    def __init__(self, node: BaseNode, params: dict[str, Any] | None = None) -> None:
        self.node = node._clone()
        self.node.set_params({} if params is None else params)
        if isinstance(self.node, Node):
            self.node.wait = 0

    def prep(self, shared: Any) -> Any:
        """`prep` alone."""
        return self._finish(self._prep(shared))

    async def prep_async(self, shared: Any) -> Any:
        """`prep` alone."""
        return await self._awaited(self._prep(shared))

    def exec(self, prep_res: Any) -> Any:
        """`exec` with its attempts, its fallback and, for a batch node, its items.

        For one bare call, without attempts and fallback, use `bench.node.exec`.
        """
        return self._finish(self._exec(prep_res))

    async def exec_async(self, prep_res: Any) -> Any:
        """`exec` with its attempts, its fallback and, for a batch node, its items."""
        return await self._awaited(self._exec(prep_res))

    def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
        """`exec_fallback` alone."""
        return self._finish(self._fallback(prep_res, exc))

    async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Any:
        """`exec_fallback` alone."""
        return await self._awaited(self._fallback(prep_res, exc))

    def post(self, shared: Any, prep_res: Any = None, exec_res: Any = None) -> Any:
        """`post` alone; returns the action."""
        return self._finish(self._post(shared, prep_res, exec_res))

    async def post_async(self, shared: Any, prep_res: Any = None, exec_res: Any = None) -> Any:
        """`post` alone; returns the action."""
        return await self._awaited(self._post(shared, prep_res, exec_res))

    def visit(self, shared: Any) -> Phases:
        """All three phases, of an async node in one event loop, and what each returned."""
        if isinstance(self.node, AsyncNode):
            phases: Phases = self._finish(self.visit_async(shared))
            return phases
        prep_res = self.prep(shared)
        exec_res = self.exec(prep_res)
        return Phases(prep_res, exec_res, self.post(shared, prep_res, exec_res))

    async def visit_async(self, shared: Any) -> Phases:
        """All three phases, and what each returned."""
        prep_res = await self.prep_async(shared)
        exec_res = await self.exec_async(prep_res)
        return Phases(prep_res, exec_res, await self.post_async(shared, prep_res, exec_res))

    # Below, what an async node returns is yet to be awaited.

    def _prep(self, shared: Any) -> Any:
        node = self.node
        return node.prep_async(shared) if isinstance(node, AsyncNode) else node.prep(shared)

    def _exec(self, prep_res: Any) -> Any:
        if isinstance(self.node, Flow):
            raise TypeError(
                f"{type(self.node).__name__} is a flow and has no exec: its work is its nodes'. "
                "Run it as a whole, or put its nodes on a bench"
            )
        return self.node._exec(prep_res)

    def _fallback(self, prep_res: Any, exc: Exception) -> Any:
        node = self.node
        if not isinstance(node, Node) or isinstance(node, Flow):
            raise TypeError(f"{type(node).__name__} has no fallback: it is no Node")
        if isinstance(node, AsyncNode):
            return node.exec_fallback_async(prep_res, exc)
        return node.exec_fallback(prep_res, exc)

    def _post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        node = self.node
        if isinstance(node, AsyncNode):
            return node.post_async(shared, prep_res, exec_res)
        return node.post(shared, prep_res, exec_res)

    async def _awaited(self, phase: Any) -> Any:
        return await phase if isinstance(self.node, AsyncNode) else phase

    def _finish(self, phase: Any) -> Any:
        return _run(phase) if isinstance(self.node, AsyncNode) else phase


def _run(phase: Coroutine[Any, Any, Any]) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(phase)
    phase.close()
    raise RuntimeError("An event loop is running here: await the bench's prep_async, exec_async and so on")
