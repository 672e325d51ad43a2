"""Observers wrap visits, and see the boundaries between them."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from agent_runtime.flow import (
    AsyncFlow,
    AsyncNode,
    AsyncParallelBatchFlow,
    BatchFlow,
    Flow,
    Node,
    Observer,
    Visit,
    current_visit,
    observe,
)


class Trace(Observer):
    """Writes down what it sees."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark
        self.events: list[str] = []

    @contextmanager
    def visit(self, visit: Visit) -> Iterator[None]:
        self.events.append(f"{self.mark}> {visit.path} {visit.number}")
        try:
            yield
        finally:
            self.events.append(f"{self.mark}< {visit.path} {visit.action or repr(visit.error)}")


class Act(Node):
    """Returns its actions one after the other, over all its visits."""

    def __init__(self, *actions: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self.actions = list(actions)

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return self.actions.pop(0) if self.actions else None


def test_each_visit_is_wrapped_with_its_path_and_number() -> None:
    draft, review = Act("ready", "ready", name="draft"), Act("again", "fine")
    draft - "ready" >> review
    review - "again" >> draft
    review - "fine" >> None
    trace = Trace()
    with observe(trace):
        assert Flow(draft).run({}) == "fine"
    assert trace.events == [
        "> draft 1", "< draft ready", "> ready 1", "< ready again",
        "> draft 2", "< draft ready", "> ready 2", "< ready fine",
    ]  # fmt: skip


def test_outside_of_the_block_nobody_observes() -> None:
    trace = Trace()
    with observe(trace):
        pass
    Flow(Node()).run({})
    assert trace.events == []


def test_observers_nest_the_first_outermost() -> None:
    outer, inner = Trace("outer"), Trace("inner")
    outer.events = inner.events
    with observe(outer), observe(inner):
        Flow(Act("x")).run({})
    assert inner.events == ["outer> start 1", "inner> start 1", "inner< start x", "outer< start x"]


def test_paths_lead_through_nested_and_batch_flows() -> None:
    class Chapters(BatchFlow):
        def prep(self, shared: Any) -> Any:
            return [{"n": 1}, {"n": 2}]

    class StartsAFlow(Node):
        def exec(self, prep_res: Any) -> None:
            Flow(Node(name="by hand")).run({})

    book = Flow(Chapters(Flow(Node(name="write"), name="chapter"), name="chapters"))
    book.start_node >> StartsAFlow(name="print")
    trace = Trace()
    with observe(trace):
        book.run({})
        Chapters(Node()).run({})
    assert [event for event in trace.events if event.startswith(">")] == [
        "> chapters 1",
        "> chapters[0]/chapter 1",
        "> chapters[0]/chapter/write 1",
        "> chapters[1]/chapter 1",
        "> chapters[1]/chapter/write 1",
        "> print 1",
        "> print!/by hand 1",
        "> [0]/start 1",
        "> [1]/start 1",
    ]


def test_a_pass_beside_those_of_the_batch_has_no_number() -> None:
    class WithFinale(BatchFlow):
        def prep(self, shared: Any) -> Any:
            return [{}]

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self._orch(shared)

    trace = Trace()
    with observe(trace):
        WithFinale(Act("x", "y")).run({})
    assert trace.events == ["> [0]/start 1", "< [0]/start x", "> start 1", "< start y"]


async def test_parallel_passes_keep_their_paths_apart() -> None:
    seen: list[tuple[str, str, int]] = []

    class Look(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            await asyncio.sleep(0)
            visit = current_visit()
            assert visit is not None
            seen.append((self.params["topic"], visit.path, visit.number))

    class Topics(AsyncParallelBatchFlow):
        async def prep_async(self, shared: Any) -> Any:
            return [{"topic": "bees"}, {"topic": "ants"}]

    first = Look()
    first >> Look(name="second")
    with observe(Trace()):
        await Topics(first).run_async({})
    assert sorted(seen) == [
        ("ants", "[1]/second", 1), ("ants", "[1]/start", 1),
        ("bees", "[0]/second", 1), ("bees", "[0]/start", 1),
    ]  # fmt: skip
    assert current_visit() is None


def test_a_failure_is_seen_and_goes_on() -> None:
    class Failing(Node):
        def exec(self, prep_res: Any) -> None:
            raise LookupError("lost")

    trace = Trace()
    with observe(trace), pytest.raises(LookupError, match="lost"):
        Flow(Failing()).run({})
    assert trace.events == ["> start 1", "< start LookupError('lost')"]


def test_an_observer_cannot_suppress_a_failure() -> None:
    class Lenient(Observer):
        @contextmanager
        def visit(self, visit: Visit) -> Iterator[None]:
            with suppress(LookupError):
                yield

    class Failing(Node):
        def exec(self, prep_res: Any) -> None:
            raise LookupError("lost")

    with observe(Lenient()), pytest.raises(LookupError, match="lost"):
        Flow(Failing()).run({})


def test_an_observer_that_fails_ends_the_run() -> None:
    class Full(Observer):
        def boundary(self, visit: Visit) -> None:
            raise OSError("disk full")

    shared: dict[str, Any] = {}
    first = Node()
    first >> Act()
    with observe(Full()), pytest.raises(OSError, match="disk full"):
        Flow(first).run(shared)


async def test_between_post_and_the_snapshot_nothing_else_runs_and_the_commit_is_before_the_next_prep() -> (
    None
):
    events: list[str] = []

    async def intruder() -> None:
        while True:
            events.append("other task")
            await asyncio.sleep(0)

    class Step(AsyncNode):
        async def prep_async(self, shared: Any) -> None:
            events.append("prep")

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> None:
            await asyncio.sleep(0)
            events.append("post")

    class Journal(Observer):
        def boundary(self, visit: Visit) -> Awaitable[None]:
            events.append("snapshot")
            return self.commit()

        async def commit(self) -> None:
            await asyncio.sleep(0)
            events.append("commit")

    first = Step()
    first >> Step()
    other = asyncio.create_task(intruder())
    with observe(Journal()):
        await AsyncFlow(first).run_async({})
    other.cancel()
    without = [event for event in events if event != "other task"]
    assert without == ["prep", "post", "snapshot", "commit"] * 2
    assert all(events[i + 1] == "snapshot" for i, event in enumerate(events) if event == "post")
    assert "other task" in events


def test_a_sync_flow_cannot_await_a_commit() -> None:
    class Journal(Observer):
        def boundary(self, visit: Visit) -> Awaitable[None] | None:
            assert not visit.walk.awaits
            return asyncio.sleep(0)

    with observe(Journal()), pytest.raises(TypeError, match=r"awaitable in Flow, which is sync"):
        Flow(Node()).run({})
