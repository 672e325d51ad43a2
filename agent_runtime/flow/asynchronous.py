"""Nodes whose phases are coroutines."""

from contextvars import ContextVar
from typing import Any

from agent_runtime.flow.batch import BatchNode, items_of
from agent_runtime.flow.definition import forward, is_core, spelled_plainly
from agent_runtime.flow.node import Node
from agent_runtime.flow.observe import note_retry
from agent_runtime.flow.parallel import check_limit, together

_PHASES = ("prep", "exec", "exec_fallback", "post")


class AsyncNode(Node):
    """A node with `prep_async`, `exec_async`, `exec_fallback_async` and `post_async`.

    A class may also define them without the suffix, as `async def` or plain `def`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_core(cls):
            return
        for plain in _PHASES:
            if spelled_plainly(cls, plain, f"{plain}_async"):
                setattr(cls, f"{plain}_async", forward(plain, f"{plain}_async"))

    async def prep_async(self, shared: Any) -> Any:
        """Like `Node.prep`."""

    async def exec_async(self, prep_res: Any) -> Any:
        """Like `Node.exec`."""

    async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Any:
        """Like `Node.exec_fallback`."""
        raise exc

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """Like `Node.post`."""

    async def run_async(self, shared: Any) -> Any:
        """Run the phases on this very object, not a copy, and return what `post_async` returned."""
        self._warn_of_successors("AsyncFlow")
        return await self._run_async(shared)

    async def _run_async(self, shared: Any) -> Any:
        prep_res = await self.prep_async(shared)
        exec_res = await self._exec(prep_res)
        return await self.post_async(shared, prep_res, exec_res)

    async def _exec(self, prep_res: Any) -> Any:
        attempts = self.max_retries
        for attempt in range(attempts):
            self.cur_retry = attempt
            try:
                return await self.exec_async(prep_res)
            except Exception as exc:
                if attempt == attempts - 1:
                    return await self.exec_fallback_async(prep_res, exc)
                note_retry(self, exc)
                if self.wait > 0:
                    import asyncio  # see parallel.py

                    await asyncio.sleep(self.wait)
        return None

    def _run(self, shared: Any) -> Any:
        raise needs_await(self)


class AsyncBatchNode(AsyncNode, BatchNode):
    """`exec_async` for each item, one after the other."""

    async def _exec(self, prep_res: Any) -> Any:
        return [await self._exec_item(index, item) for index, item in enumerate(items_of(self, prep_res))]

    def _exec_item(self, index: int, item: Any) -> Any:
        return super()._exec(item)


class AsyncParallelBatchNode(AsyncNode, BatchNode):
    """`exec_async` for all items at once, or `limit` of them at a time; results in order.

    Each item has its own attempts, and sees its own `cur_retry`. A failing item cancels the others.
    """

    limit: int | None = None

    def __init__(
        self, max_retries: int = 1, wait: float = 0, *, limit: int | None = None, name: str | None = None
    ) -> None:
        super().__init__(max_retries, wait, name=name)
        if limit is not None:
            self.limit = limit
        check_limit(self.limit)

    @property
    def cur_retry(self) -> int:
        # Items share the node, so each task keeps its own.
        return _cur_retry.get()

    @cur_retry.setter
    def cur_retry(self, attempt: int) -> None:
        _cur_retry.set(attempt)

    async def _exec(self, prep_res: Any) -> Any:
        return await together(self._exec_item, items_of(self, prep_res), self.limit)

    def _exec_item(self, index: int, item: Any) -> Any:
        return super()._exec(item)


def needs_await(node: Node) -> RuntimeError:
    """The error of a node that was run without `await`."""
    error = RuntimeError("Use run_async.")
    error.add_note(f"{type(node).__name__} is async: await its run_async, or visit it from an AsyncFlow")
    return error


_cur_retry: ContextVar[int] = ContextVar("cur_retry", default=0)
