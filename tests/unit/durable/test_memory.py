"""A map over very many items: memory stays bounded while every item is recorded."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent_runtime.durable import records_of, run_durably
from agent_runtime.durable.stores.threaded import ThreadedRunStore
from agent_runtime.flow import AsyncFlow, AsyncParallelBatchNode, current_visit
from tests.unit.durable.dying import DyingStore

ITEMS = 50_000
LIMIT = 10
BOUND = 10 * 1024 * 1024
"""Bytes; the results alone, kept as a list of lists, would be more."""


class Many(AsyncParallelBatchNode):
    """Records a result of some size for each item, and keeps none."""

    def __init__(self) -> None:
        super().__init__(limit=LIMIT)

    async def prep_async(self, shared: Any) -> Iterator[int]:
        return iter(range(ITEMS))

    async def exec_async(self, item: int) -> None:
        visit = current_visit()
        assert visit is not None
        records = records_of(visit)
        assert records is not None
        await records.put(item, {"item": item, "text": "x" * 200})

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> None:
        visit = current_visit()
        assert visit is not None
        records = records_of(visit)
        assert records is not None
        shared["count"] = await records.count()
        shared["sum"] = 0
        async for _, value in records.items():
            shared["sum"] += value["item"]


async def test_a_map_over_very_many_items_has_bounded_memory(tmp_path: Path) -> None:
    store = ThreadedRunStore(DyingStore(tmp_path / "runs.sqlite"))  # one that does not sync, and does not die
    await store.open()
    tracemalloc.start()
    finished = await run_durably(AsyncFlow(Many()), {}, store=store, run="r")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert finished.shared == {"count": ITEMS, "sum": ITEMS * (ITEMS - 1) // 2}
    assert peak < BOUND
    await store.close()
