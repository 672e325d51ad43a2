"""Do a node's work for each item of a list, in the process of the run."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.durable.items import RecordedItems
from agent_runtime.durable.records import VisitRecords, records_of, was_under_way
from agent_runtime.flow import AsyncParallelBatchNode, current_visit
from agent_runtime.models.port import NO_USAGE, Usage
from agent_runtime.runs.attempts import NODE, Attempts, Records, item_index
from agent_runtime.runs.nodes.base import NOT_THE_NODES, NodeBase
from agent_runtime.runs.nodes.mapping.items import Items, Result, item_failed, result_of, usage_of
from agent_runtime.runs.nodes.step import Step, StepResult, attempt
from agent_runtime.runs.port import Invocation
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

ITEMS = -1
"""The index under which a visit's items are recorded, once: each process of the run maps the same."""


_MOST_TOLD = 3
"""Retries of items that a visit tells of."""


class _Tallies:
    """Tallies of items: those of earlier processes were read together."""

    def __init__(self, records: VisitRecords, known: dict[int, Any]) -> None:
        self._records = records
        self._known = known

    async def fact(self, index: int) -> Any:
        """See `attempts.Records`."""
        return self._known.pop(index, None)

    async def put(self, index: int, value: Any) -> None:
        """See `attempts.Records`."""
        await self._records.put(index, value)


class MapNode(NodeBase, RecordedItems, AsyncParallelBatchNode):
    """Attempts, fallback and record are each item's own; the output is the list of results, in order."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState, work: Step) -> None:
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
        self._tallies: Records | None = None
        self._told = 0
        self._alone = asyncio.Lock()
        """Held while an item is worked on that a process has died of."""

    def begin(self, variables: Mapping[str, object], here: Invocation) -> None:
        """Say what the expressions of the items see, and for which visit they are."""
        self._given = variables
        self._here = here

    async def _exec(self, prep_res: Any) -> Any:
        self._tallies = await self._kept_tallies()
        return await super()._exec(prep_res)

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
        return self.settle(shared, StepResult([result["value"] for result in exec_res], usage=usage))

    async def one(self, index: int, item: Any) -> Result:
        """All attempts at one item, outside of a run; `begin` was called."""
        return await self._tried((index, item))

    def keep_tallies(self, records: Records) -> None:
        """Where the attempts at the item are kept, outside of a run."""
        self._tallies = records

    async def forget(self, index: int) -> None:
        """The item's result is kept."""
        await self._work.settled(self._here.item(index))

    async def _exec_item(self, index: int, item: Any) -> Result:
        if index in self._known:
            result: Result = self._known.pop(index)
        else:
            result = await self._tried(item)
            if self._records is not None:
                await self._records.put(index, result)
        await self.forget(index)
        return result

    async def _tried(self, item: tuple[int, Any]) -> Result:
        """In place of the core's loop: attempts of earlier processes count, too."""
        attempts = Attempts(
            self.limits(),
            self.state.services.clock,
            records=self._tallies,
            index=item_index(item[0]),
            epoch=self.state.epoch,
            was_under_way=None,
            alone=self._alone,
        )
        earlier = 0

        def begun(number: int) -> None:
            nonlocal earlier
            visit = current_visit()
            if visit is not None and visit.node is self:
                visit.retries += max(0, number - 1 - earlier)
            earlier = max(earlier, number - 1)

        try:
            return await attempts.run(
                partial(self.exec_async, item),
                on_attempt=begun,
                on_retry=partial(self._retried, item[0]),
                passes=NOT_THE_NODES,
            )
        except NOT_THE_NODES:
            raise
        except Exception as error:
            return await self.exec_fallback_async(item, error)

    def _retried(self, index: int, failure: Exception) -> None:
        visit = current_visit()
        if visit is not None and visit.node is self:
            visit.retried_after = failure
        self._told += 1
        if self._told <= _MOST_TOLD:  # of thousands of items that fail alike, the first ones say it all
            self.tell_retry(failure, self._here.item(index))

    async def _kept_tallies(self) -> Records | None:
        """Tallies of earlier processes; the first process of a visit without retries keeps none."""
        visit = current_visit()
        if visit is None or self.state.services.store is None:
            return None
        resumed = was_under_way(visit)
        if not resumed and self.declared.retry.max_attempts == 1:
            return None
        records = records_of(visit)
        if records is None:
            return None
        known = {index: tally async for index, tally in records.facts(NODE - 1)} if resumed else {}
        return _Tallies(records, known)

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
