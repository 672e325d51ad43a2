"""Parallel items: attempts of their own, a limit, and one fate."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from agent_runtime.flow import (
    AsyncBatchNode,
    AsyncFlow,
    AsyncNode,
    AsyncParallelBatchFlow,
    AsyncParallelBatchNode,
)


class Items(AsyncParallelBatchNode):
    """Works on shared["items"]; its action is the list of results, as text."""

    async def prep_async(self, shared: Any) -> Any:
        self.shared = shared
        return shared["items"]

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return str(exec_res)


async def test_each_item_counts_its_own_attempts() -> None:
    """In lockstep, items that need one, two, three and more attempts do not disturb each other."""
    seen: dict[int, list[int]] = {0: [], 1: [], 2: [], 3: []}

    class Flaky(Items):
        async def exec_async(self, prep_res: int) -> str:
            seen[prep_res].append(self.cur_retry)
            await asyncio.sleep(0)
            assert self.cur_retry == seen[prep_res][-1]
            if self.cur_retry < prep_res:
                raise ValueError("not yet")
            return f"{prep_res} ok"

        async def exec_fallback_async(self, prep_res: int, exc: Exception) -> str:
            return f"{prep_res} gave up"

    action = await AsyncFlow(Flaky(max_retries=3)).run_async({"items": [0, 1, 2, 3]})
    assert action == "['0 ok', '1 ok', '2 ok', '3 gave up']"
    assert seen == {0: [0], 1: [0, 1], 2: [0, 1, 2], 3: [0, 1, 2]}


async def test_a_failing_item_cancels_its_siblings_and_waits_for_them() -> None:
    ended: list[int] = []

    class OneFails(Items):
        async def exec_async(self, prep_res: int) -> None:
            if prep_res == 2:
                raise ValueError("two")
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)  # their clean-up may take a while
                ended.append(prep_res)

    with pytest.raises(ValueError, match="two"):
        await AsyncFlow(OneFails()).run_async({"items": [0, 1, 2, 3]})
    assert ended == [0, 1, 3]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_the_flow_cancels_the_items() -> None:
    ended: list[int] = []
    all_began = asyncio.Event()

    class Waiting(Items):
        async def exec_async(self, prep_res: int) -> None:
            if prep_res == 2:
                all_began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(prep_res)

    task = asyncio.create_task(AsyncFlow(Waiting()).run_async({"items": [0, 1, 2]}))
    await all_began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [0, 1, 2]


async def test_an_item_that_is_cancelled_from_within_ends_the_batch() -> None:
    class Cancelled(Items):
        async def exec_async(self, prep_res: int) -> None:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await AsyncFlow(Cancelled()).run_async({"items": [1]})


@pytest.mark.parametrize(("limit", "most"), [(None, 10), (1, 1), (3, 3), (50, 10)])
async def test_limit_bounds_the_items_under_way(limit: int | None, most: int) -> None:
    under_way: set[int] = set()
    peaks: list[int] = []

    class Counting(Items):
        async def exec_async(self, prep_res: int) -> int:
            under_way.add(prep_res)
            peaks.append(len(under_way))
            for _ in range(prep_res % 3 + 1):
                await asyncio.sleep(0)
            under_way.remove(prep_res)
            return prep_res

    assert await AsyncFlow(Counting(limit=limit)).run_async({"items": range(10)}) == str(list(range(10)))
    assert max(peaks) == most


async def test_with_a_limit_items_are_taken_as_slots_become_free() -> None:
    taken: list[int] = []
    ahead: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    class Lazy(Items):
        async def exec_async(self, prep_res: int) -> None:
            ahead.append(len(taken) - prep_res)
            await asyncio.sleep(0)

    await AsyncFlow(Lazy(limit=2)).run_async({"items": items()})
    assert max(ahead) <= 3  # two under way and the one that waits for a slot


async def test_with_a_limit_a_failure_starts_no_further_item() -> None:
    began: list[int] = []

    class Second(Items):
        async def exec_async(self, prep_res: int) -> None:
            began.append(prep_res)
            await asyncio.sleep(0)
            if prep_res == 1:
                raise ValueError("one")

    with pytest.raises(ValueError, match="one"):
        await AsyncFlow(Second(limit=2)).run_async({"items": range(100)})
    assert len(began) <= 4


async def test_with_a_limit_finished_items_are_let_go() -> None:
    tasks: list[weakref.ref[asyncio.Task[Any]]] = []
    alive: list[int] = []

    class Short(Items):
        async def exec_async(self, prep_res: int) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.append(weakref.ref(task))
            del task
            await asyncio.sleep(0)
            gc.collect()
            alive.append(sum(ref() is not None for ref in tasks))

    await AsyncFlow(Short(limit=2)).run_async({"items": range(12)})
    assert max(alive) <= 6


@pytest.mark.parametrize("limit", [None, 1])
async def test_items_do_not_see_each_others_context(limit: int | None) -> None:
    bound: ContextVar[int | None] = ContextVar("bound", default=None)

    class Binding(Items):
        async def exec_async(self, prep_res: int) -> int | None:
            before = bound.get()
            bound.set(prep_res)
            return before

    assert await AsyncFlow(Binding(limit=limit)).run_async({"items": [1, 2, 3]}) == "[None, None, None]"


@pytest.mark.parametrize("kind", [AsyncBatchNode, AsyncParallelBatchNode])
async def test_none_is_an_empty_batch(kind: type[AsyncNode]) -> None:
    class Nothing(kind):  # type: ignore[misc,valid-type]
        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared["results"] = exec_res

    shared: dict[str, Any] = {}
    await AsyncFlow(Nothing()).run_async(shared)
    assert shared == {"results": []}


@pytest.mark.parametrize("kind", [AsyncParallelBatchNode, AsyncParallelBatchFlow])
@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(kind: Any, limit: int) -> None:
    with pytest.raises(ValueError, match="limit must be at least 1"):
        kind(limit=limit)


async def test_parallel_passes_have_a_limit_and_one_fate_too() -> None:
    under_way: list[int] = []
    peaks: list[int] = []
    ended: list[int] = []

    class Pass(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            number = self.params["n"]
            under_way.append(number)
            peaks.append(len(under_way))
            try:
                if number == 2:
                    raise ValueError("pass two")
                if number == 3:
                    await asyncio.Event().wait()
            finally:
                under_way.remove(number)
                ended.append(number)

    class Passes(AsyncParallelBatchFlow):
        async def prep_async(self, shared: Any) -> Any:
            return [{"n": 3}, {"n": 0}, {"n": 1}, {"n": 2}, {"n": 4}]

    with pytest.raises(ValueError, match="pass two"):
        await Passes(Pass(), limit=2).run_async({})
    assert ended == [0, 1, 2, 3]
    assert max(peaks) == 2
