"""Do a node's work for each item of a list, in the process of the run."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.durable.items import RecordedItems
from agent_runtime.durable.records import records_of
from agent_runtime.flow import AsyncParallelBatchNode, current_visit
from agent_runtime.models.port import NO_USAGE, Usage
from agent_runtime.runs.nodes.declared import NOT_THE_NODES, Declared
from agent_runtime.runs.nodes.items import Items, Result, item_failed, result_of, usage_of
from agent_runtime.runs.nodes.work import Done, Work, attempt
from agent_runtime.runs.port import Invocation
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

ITEMS = -1
"""The index under which a visit's items are recorded, once: each process of the run maps the same."""


class MapNode(Declared, RecordedItems, AsyncParallelBatchNode):
    """Attempts, fallback and record are each item's own; the output is the list of results, in order."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState, work: Work) -> None:
        assert node.map is not None
        super().__init__(
            node.retry.max_attempts, seconds(node.retry.wait), limit=node.map.parallelism, name=node.name
        )
        self.declare(node, scope, state)
        self._work = work
        self._timeout = seconds(node.timeout)
        self._items = Items(node.map)
        self._as = node.map.as_
        self._given: Mapping[str, object] = {}
        self._here = Invocation(state.run, node.name, 1)

    def begin(self, variables: Mapping[str, object], here: Invocation) -> None:
        """Say what the expressions of the items see, and for which visit they are."""
        self._given = variables
        self._here = here

    async def prep_async(self, shared: Shared) -> Iterable[tuple[int, Any]]:
        variables = self.variables(shared)
        self.begin(variables, self.invocation())
        return enumerate(await self._recorded(variables))

    async def exec_async(self, prep_res: tuple[int, Any]) -> Result:
        index, item = prep_res
        given = self._work.given({**self._given, self._as: item, "index": index})
        return result_of(await attempt(self._work, given, self._here.item(index), self._timeout))

    async def exec_fallback_async(self, prep_res: tuple[int, Any], exc: Exception) -> Result:
        if isinstance(exc, NOT_THE_NODES):
            raise exc
        fallback = self.declared.fallback
        if fallback is None:
            raise item_failed(prep_res[0], exc) from exc
        return {"value": fallback.value}

    async def post_async(self, shared: Shared, prep_res: Any, exec_res: list[Result]) -> str:
        usage: Usage = sum((usage_of(result) for result in exec_res), NO_USAGE)
        return self.settle(shared, Done([result["value"] for result in exec_res], usage=usage))

    async def one(self, index: int, item: Any) -> Result:
        """All attempts at one item, outside of a run; `begin` was called."""
        result: Result = await super()._exec_item(index, (index, item))
        return result

    async def forget(self, index: int) -> None:
        """The item's result is kept."""
        await self._work.settled(self._here.item(index))

    async def _exec_item(self, index: int, item: Any) -> Result:
        result: Result = await super()._exec_item(index, item)
        await self.forget(index)
        return result

    async def _recorded(self, variables: Mapping[str, object]) -> list[Any]:
        visit = current_visit()
        records = None if visit is None else records_of(visit)
        kept = None if records is None else await records.fact(ITEMS)
        if kept is not None:
            items: list[Any] = kept["items"]
            return items
        items = self._items.evaluate(variables)
        if records is not None:
            await records.put(ITEMS, {"items": items})
        return items
