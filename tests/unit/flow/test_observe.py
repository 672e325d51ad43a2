"""Observers wrap visits, and see the boundaries between them."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from agent_runtime.flow import (
    AsyncBatchFlow,
    AsyncBatchNode,
    AsyncFlow,
    AsyncNode,
    AsyncParallelBatchFlow,
    AsyncParallelBatchNode,
    BatchFlow,
    BatchNode,
    Flow,
    Frame,
    Node,
    ObservedWalk,
    Observer,
    ResumeError,
    StepLimitExceeded,
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


class Flaky(Node):
    """Fails `failures` times."""

    def __init__(self, failures: int, **options: Any) -> None:
        super().__init__(**options)
        self.failures = failures

    def exec(self, prep_res: Any) -> Any:
        if self.cur_retry < self.failures:
            raise TimeoutError(f"attempt {self.cur_retry}")

    def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
        return f"gave up after {exc}"


class AsyncFlaky(AsyncNode):
    """The same, and its items under way fail at the same time."""

    def __init__(self, failures: int, **options: Any) -> None:
        super().__init__(**options)
        self.failures = failures

    async def exec_async(self, prep_res: Any) -> None:
        await asyncio.sleep(0)
        if self.cur_retry < self.failures:
            raise TimeoutError(f"attempt {self.cur_retry}")

    async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> None:
        return None


class Attempts(Observer):
    """Keeps the visits."""

    def __init__(self) -> None:
        self.seen: list[Visit] = []

    def boundary(self, visit: Visit) -> None:
        self.seen.append(visit)


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
@pytest.mark.parametrize(
    ("failures", "max_retries", "attempts", "reason"),
    [
        (0, 3, 1, None),
        (1, 3, 2, "attempt 0"),
        (2, 3, 3, "attempt 1"),
        (5, 3, 3, "attempt 1"),  # the third failure is followed by the fallback, not by an attempt
        (5, 1, 1, None),
    ],
)
async def test_a_visit_says_how_many_attempts_it_took(
    kind: Any, failures: int, max_retries: int, attempts: int, reason: str | None
) -> None:
    trace = Attempts()
    with observe(trace):
        await AsyncFlow(kind(failures, max_retries=max_retries)).run_async({})
    (visit,) = trace.seen
    assert (visit.attempts, visit.retries) == (attempts, attempts - 1)
    assert (None if visit.retried_after is None else str(visit.retried_after)) == reason


async def test_a_batch_counts_the_retries_of_all_its_items() -> None:
    class Plain(Flaky, BatchNode):
        def prep(self, shared: Any) -> Any:
            return range(4)

    class InOrder(AsyncFlaky, AsyncBatchNode):
        async def prep_async(self, shared: Any) -> Any:
            return range(4)

    class Parallel(AsyncFlaky, AsyncParallelBatchNode):
        async def prep_async(self, shared: Any) -> Any:
            return range(4)

    for kind in (Plain, InOrder, Parallel):
        trace = Attempts()
        with observe(trace):
            await AsyncFlow(kind(2, max_retries=3)).run_async({})
        assert [visit.retries for visit in trace.seen] == [8]


def test_attempts_of_a_node_run_by_hand_are_not_the_visits() -> None:
    class Outer(Node):
        def exec(self, prep_res: Any) -> Any:
            Flaky(1, max_retries=2).run({})

    trace = Attempts()
    with observe(trace):
        Flow(Outer()).run({})
    assert [visit.attempts for visit in trace.seen] == [1]


class Walks(Observer):
    """Writes down the passes."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @contextmanager
    def walk(self, walk: ObservedWalk) -> Iterator[None]:
        self.events.append(f"> {type(walk.flow).__name__} {walk.path or '/'}")
        try:
            yield
        except Exception as error:
            self.events.append(f"{type(error).__name__} {walk.path or '/'}")
            raise
        self.events.append(f"< {walk.path or '/'} {walk.action} {walk.steps}")

    @contextmanager
    def visit(self, visit: Visit) -> Iterator[None]:
        self.events.append(f"visit {visit.path}")
        yield


class TwoPasses(BatchFlow):
    def prep(self, shared: Any) -> Any:
        return [{}, {}]


class AsyncTwoPasses(AsyncBatchFlow):
    async def prep_async(self, shared: Any) -> Any:
        return [{}, {}]


@pytest.mark.parametrize("kind", [TwoPasses, AsyncTwoPasses])
async def test_each_pass_of_a_flow_is_wrapped(kind: Any) -> None:
    walks = Walks()
    inner = kind(Act("x", "y", name="write"), name="chapters")
    with observe(walks):
        await AsyncFlow(inner).run_async({})
    assert walks.events == [
        "> AsyncFlow /", "visit chapters",
        f"> {kind.__name__} chapters[0]/", "visit chapters[0]/write", "< chapters[0]/ x 1",
        f"> {kind.__name__} chapters[1]/", "visit chapters[1]/write", "< chapters[1]/ y 1",
        "< / None 1",
    ]  # fmt: skip


def test_an_endless_loop_is_the_failure_of_the_walk_and_not_of_its_last_node() -> None:
    node = Act()
    node >> node
    walks, trace = Walks(), Trace()
    with observe(walks, trace), pytest.raises(StepLimitExceeded):
        Flow(node, max_steps=2).run({})
    assert walks.events == ["> Flow /", "visit start", "visit start", "StepLimitExceeded /"]
    assert trace.events == ["> start 1", "< start None", "> start 2", "< start None"]


def test_a_failure_before_the_first_visit_is_seen_around_the_walk_and_cannot_be_suppressed() -> None:
    class Lost(Walks):
        def resume(self, walk: str) -> Frame | None:
            return Frame(walk, "nowhere", None, {}, 1)

    class Lenient(Observer):
        @contextmanager
        def walk(self, walk: ObservedWalk) -> Iterator[None]:
            with suppress(ResumeError):
                yield

    lost = Lost()
    with observe(Lenient(), lost), pytest.raises(ResumeError):
        Flow(Node()).run({})
    assert lost.events == ["> Flow /", "ResumeError /"]


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
