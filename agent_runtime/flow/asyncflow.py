"""Flows that await their async nodes and run plain ones inline."""

from typing import Any

from agent_runtime.flow.asynchronous import AsyncNode, needs_await
from agent_runtime.flow.definition import is_async_phase
from agent_runtime.flow.flow import BatchFlow, Flow, params_of_pass
from agent_runtime.flow.node import BaseNode
from agent_runtime.flow.observed import ObservedWalk, open_walk, passing
from agent_runtime.flow.parallel import check_limit, together


class AsyncFlow(Flow, AsyncNode):
    """A flow of async and plain nodes; `prep_async` and `post_async` are around its pass.

    `run`, without await, works while no async node and no async phase is involved.
    """

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """Return the flow's own action; `exec_res` is the last node's."""
        return exec_res

    async def _orch_async(self, shared: Any, params: dict[str, Any] | None = None) -> Any:
        with open_walk(self, shared, params, awaits=True) as walk:
            while (node := walk.node) is not None:
                if isinstance(walk, ObservedWalk):
                    with walk.visiting():
                        walk.advance(await _visit(node, shared))
                    for commit in walk.boundary():
                        await commit
                elif isinstance(node, AsyncNode):
                    walk.advance(await node._run_async(shared))
                else:
                    walk.advance(node._run(shared))
        return walk.action

    async def _run_async(self, shared: Any) -> Any:
        prep_res = await self.prep_async(shared)
        return await self.post_async(shared, prep_res, await self._orch_async(shared))

    def _run(self, shared: Any) -> Any:
        # A sync run would leave out the phases that are coroutines.
        if any(is_async_phase(type(self), phase) for phase in ("prep_async", "post_async")):
            raise needs_await(self)
        return super()._run(shared)


class AsyncBatchFlow(AsyncFlow, BatchFlow):
    """A pass for each dict of `prep_async`'s iterable, one after the other."""

    async def _run_async(self, shared: Any) -> Any:
        prep_res = await self.prep_async(shared) or []
        for index, params in enumerate(prep_res):
            with passing(self, index):
                await self._orch_async(shared, params_of_pass(self, index, params))
        return await self.post_async(shared, prep_res, None)


class AsyncParallelBatchFlow(AsyncFlow, BatchFlow):
    """A pass for each dict of `prep_async`'s iterable, all at once or `limit` at a time.

    A failing pass cancels the others.
    """

    limit: int | None = None

    def __init__(
        self,
        start: BaseNode | None = None,
        *,
        limit: int | None = None,
        name: str | None = None,
        max_steps: int | None = None,
    ) -> None:
        super().__init__(start, name=name, max_steps=max_steps)
        if limit is not None:
            self.limit = limit
        check_limit(self.limit)

    async def _run_async(self, shared: Any) -> Any:
        async def one_pass(index: int, params: dict[str, Any]) -> None:
            with passing(self, index):
                await self._orch_async(shared, params_of_pass(self, index, params))

        prep_res = await self.prep_async(shared) or []
        await together(one_pass, prep_res, self.limit)
        return await self.post_async(shared, prep_res, None)


async def _visit(node: BaseNode, shared: Any) -> Any:
    return await node._run_async(shared) if isinstance(node, AsyncNode) else node._run(shared)
