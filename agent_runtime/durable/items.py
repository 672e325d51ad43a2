"""Batch nodes whose items are recorded one by one: what was done before a kill is not done again.

    class Summaries(RecordedItems, AsyncParallelBatchNode):
        async def exec_async(self, item): ...

Results must be JSON. `prep` must give the same items in the same order in every leg: an item is known by its
index. Outside of a durable run these are plain batch nodes.
"""

from typing import Any

from agent_runtime.durable.records import (
    BlockingVisitRecords,
    VisitRecords,
    blocking_records_of,
    records_of,
)
from agent_runtime.flow import AsyncNode, BatchNode, current_visit


class RecordedItems(AsyncNode, BatchNode):
    """Goes before AsyncBatchNode or AsyncParallelBatchNode among a class's bases."""

    _records: VisitRecords | None = None
    _known: dict[int, Any] = {}

    async def _exec(self, prep_res: Any) -> Any:
        visit = current_visit()
        self._records = None if visit is None else records_of(visit)
        self._known = {} if self._records is None else {i: v async for i, v in self._records.items()}
        return await super()._exec(prep_res)

    async def _exec_item(self, index: int, item: Any) -> Any:
        if index in self._known:
            return self._known.pop(index)
        result = await super()._exec_item(index, item)
        if self._records is not None:
            await self._records.put(index, result)
        return result


class BlockingRecordedItems(BatchNode):
    """The same for sync nodes: goes before BatchNode."""

    _records: BlockingVisitRecords | None = None
    _known: dict[int, Any] = {}

    def _exec(self, prep_res: Any) -> Any:
        visit = current_visit()
        self._records = None if visit is None else blocking_records_of(visit)
        self._known = {} if self._records is None else dict(self._records.items())
        return super()._exec(prep_res)

    def _exec_item(self, index: int, item: Any) -> Any:
        if index in self._known:
            return self._known.pop(index)
        result = super()._exec_item(index, item)
        if self._records is not None:
            self._records.put(index, result)
        return result
