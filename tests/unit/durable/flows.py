"""A flow with everything in it: chain, loop, nested flow, batch flows, mapped items; sync and async.

`plan -> passes x2 (write -> review, twice) -> nested (inside) -> map (4 items) -> publish`, and all of it
twice.
"""

from collections.abc import Callable
from typing import Any

from agent_runtime.durable import BlockingRecordedItems, RecordedItems, idempotency_key
from agent_runtime.flow import (
    AsyncFlow,
    AsyncNode,
    AsyncParallelBatchFlow,
    AsyncParallelBatchNode,
    BaseNode,
    BatchFlow,
    BatchNode,
    Flow,
    Node,
    current_visit,
)

Note = Callable[[str, str], None]
"""Told at each `exec`: the place, an item's index behind its path, and the idempotency key."""

ITEMS = 4
PASSES = [{"topic": "tea"}, {"topic": "salt"}]


def note_visit(note: Note, index: int | None = None) -> None:
    """Tell what runs now."""
    visit = current_visit()
    assert visit is not None
    place = visit.path if index is None else f"{visit.path}:{index}"
    note(place, idempotency_key(visit, index) or "")


def log(shared: dict[str, Any], what: str) -> None:
    """Each place writes a list of its own, so that parallel passes give one result in any order."""
    visit = current_visit()
    assert visit is not None
    shared.setdefault("log", {}).setdefault(visit.path, []).append([visit.number, what])


class Step(Node):
    """Loops once on its first visit when told to."""

    def __init__(self, name: str, note: Note, *, loops: bool = False) -> None:
        super().__init__(name=name)
        self.note = note
        self.loops = loops

    def exec(self, prep_res: Any) -> Any:
        note_visit(self.note)

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        visit = current_visit()
        assert visit is not None
        log(shared, self.params.get("topic", ""))
        return "again" if self.loops and visit.number % 2 else None


class AsyncStep(AsyncNode):
    """The same, awaited."""

    def __init__(self, name: str, note: Note, *, loops: bool = False) -> None:
        super().__init__(name=name)
        self.note = note
        self.loops = loops

    async def exec_async(self, prep_res: Any) -> Any:
        note_visit(self.note)

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return Step.post(self, shared, prep_res, exec_res)  # type: ignore[arg-type]


class Passes(BatchFlow):
    """A pass for each topic."""

    def prep(self, shared: Any) -> Any:
        return PASSES


class ParallelPasses(AsyncParallelBatchFlow):
    """The same at once."""

    async def prep_async(self, shared: Any) -> Any:
        return PASSES


class Squares(BlockingRecordedItems, BatchNode):
    """Maps numbers to their squares, each recorded."""

    def __init__(self, note: Note) -> None:
        super().__init__(name="map")
        self.note = note

    def prep(self, shared: Any) -> Any:
        return range(ITEMS)

    def exec(self, item: Any) -> Any:
        note_visit(self.note, item)
        return item * item

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        log(shared, str(exec_res))


class ParallelSquares(RecordedItems, AsyncParallelBatchNode):
    """The same at once."""

    def __init__(self, note: Note) -> None:
        super().__init__(name="map", limit=3)
        self.note = note

    async def prep_async(self, shared: Any) -> Any:
        return range(ITEMS)

    async def exec_async(self, item: Any) -> Any:
        note_visit(self.note, item)
        return item * item

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        log(shared, str(exec_res))


def sync_flow(note: Note) -> Flow:
    """For `run_durably_sync`."""
    plan, publish = Step("plan", note), Step("publish", note, loops=True)
    write, review = Step("write", note), Step("review", note, loops=True)
    wire(plan, publish, write, review, [Passes(write, name="passes"), nested(Flow, note), Squares(note)])
    return Flow(plan)


def async_flow(note: Note) -> AsyncFlow:
    """For `run_durably`; one of its nodes is sync."""
    plan, publish = AsyncStep("plan", note), AsyncStep("publish", note, loops=True)
    write, review = AsyncStep("write", note), AsyncStep("review", note, loops=True)
    passes = ParallelPasses(write, name="passes")
    wire(plan, publish, write, review, [passes, nested(AsyncFlow, note), ParallelSquares(note)])
    return AsyncFlow(plan)


def nested(kind: type[Flow], note: Note) -> Flow:
    """A flow of one node."""
    return kind(Step("inside", note), name="nested")


def wire(plan: Node, publish: Node, write: Node, review: Node, middle: list[BaseNode]) -> None:
    """The edges, alike for both."""
    write >> review
    review - "again" >> write
    review >> None
    place: BaseNode = plan
    for node in [*middle, publish]:
        place = place >> node
    publish - "again" >> plan
    publish >> None
