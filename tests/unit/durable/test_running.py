"""What a caller of run_durably sees."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.durable import (
    BlockingRunStore,
    CheckpointError,
    Entry,
    LeaseLost,
    OtherGraph,
    Record,
    Resumption,
    RunHeld,
    RunStore,
    Suspend,
    Unavailable,
    Writer,
    idempotency_key,
    open_blocking_store,
    open_store,
    records_of,
    run_durably,
    run_durably_sync,
)
from agent_runtime.durable.stores.sqlite.store import SqliteRunStore
from agent_runtime.flow import (
    AsyncFlow,
    AsyncNode,
    BaseNode,
    Flow,
    Node,
    Observer,
    StepLimitExceeded,
    current_visit,
    observe,
)
from tests.clocks import ManualClock, SteppingClock, eventually

Post = Callable[[Any], Any]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/runs.sqlite"


@pytest.fixture
async def store(url: str) -> AsyncIterator[RunStore]:
    store = open_store(url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def blocking(url: str) -> Iterator[BlockingRunStore]:
    store = open_blocking_store(url)
    store.open()
    yield store
    store.close()


class Does(Node):
    """Writes its name down, then does what it is told."""

    def __init__(self, name: str, post: Post = lambda shared: None) -> None:
        super().__init__(name=name)
        self.does = post

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared.setdefault("done", []).append(self.name)
        return self.does(shared)


class Broken(Exception):
    """A node's own fault."""


class Once:
    """Raises at the first call, in whichever leg."""

    def __init__(self, error: BaseException) -> None:
        self._error: BaseException | None = error

    def __call__(self, shared: Any) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


def chain(kind: type[Flow], *nodes: BaseNode, **options: Any) -> Any:
    for before, after in pairwise(nodes):
        before >> after
    return kind(nodes[0], **options)


async def test_a_node_that_failed_runs_again_and_no_other(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Does("b", Once(Broken())), Does("c"))
    with pytest.raises(Broken):
        await run_durably(flow, {}, store=store, run="r")
    shared: dict[str, Any] = {"given": "later, and not taken"}
    finished = await run_durably(flow, shared, store=store, run="r")
    assert finished.shared is shared
    assert shared == {"done": ["a", "b", "c"]}
    assert finished.resumed


async def test_transient_keys_are_given_by_each_leg(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Does("b", Once(Broken())))
    with pytest.raises(Broken):
        await run_durably(flow, {"client": object()}, store=store, run="r", transient=["client"])
    client = object()
    finished = await run_durably(flow, {"client": client}, store=store, run="r", transient=["client"])
    assert finished.shared == {"client": client, "done": ["a", "b"]}


async def test_what_is_not_json_is_named_with_the_node_that_wrote_it(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Does("b", lambda shared: shared.update(plan=[{"when": {1}}])))
    with pytest.raises(
        CheckpointError, match=r"^run 'r', after node 'b': shared\.plan\[0\]\.when: a set is not JSON"
    ):
        await run_durably(flow, {}, store=store, run="r")
    with pytest.raises(CheckpointError, match=r"^run 'r2', at its start: shared\.client"):
        await run_durably(flow, {"client": object()}, store=store, run="r2")


async def test_what_is_kept_beside_comes_back(store: RunStore) -> None:
    usage = {"tokens": 0}

    def spend(shared: Any) -> None:
        usage["tokens"] += 10

    flow = chain(AsyncFlow, Does("a", spend), Does("b", Once(Broken())), Does("c", spend))
    options: dict[str, Any] = {"store": store, "run": "r", "extra": lambda: dict(usage)}
    with pytest.raises(Broken):
        await run_durably(flow, {}, **options)
    usage["tokens"] = 0  # in another process
    told: list[Resumption] = []

    def go_on(resumption: Resumption) -> None:
        told.append(resumption)
        usage.update(resumption.extra)

    finished = await run_durably(flow, {}, on_resume=go_on, **options)
    assert finished.extra == usage == {"tokens": 20}
    [resumption] = told
    assert (resumption.nodes, resumption.boundary.path, resumption.ended) == (("b",), "a", False)

    again = await run_durably(flow, {}, on_resume=go_on, **options)
    assert (again.extra, again.writer, told[-1].ended, told[-1].nodes) == ({"tokens": 20}, None, True, ())


async def test_params_are_those_of_the_first_leg(store: RunStore) -> None:
    seen: list[Any] = []

    class See(Does):
        def prep(self, shared: Any) -> None:
            seen.append(self.params)

    flow = chain(AsyncFlow, See("a"), See("b", Once(Broken())))
    with pytest.raises(Broken):
        await run_durably(flow, {}, store=store, run="r", params={"topic": "tea"})
    await run_durably(flow, {}, store=store, run="r", params={"topic": "salt"})
    assert seen == [{"topic": "tea"}] * 3
    assert flow.params == {}


async def test_another_graph_is_refused_with_what_differs(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Does("b", Once(Broken())))
    with pytest.raises(Broken):
        await run_durably(flow, {}, store=store, run="r")
    longer = chain(AsyncFlow, Does("a"), Does("b"), Does("c"))
    with pytest.raises(
        OtherGraph, match="run 'r' was begun with another graph: node 'b' goes on after 'default', did not; "
    ):
        await run_durably(longer, {}, store=store, run="r")
    assert (await run_durably(flow, {}, store=store, run="r")).shared == {"done": ["a", "b"]}


async def test_a_fork_goes_on_from_its_boundary(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Does("b"), Does("c"))
    await run_durably(flow, {}, store=store, run="r")
    await store.fork("r", 1, "r/fork")
    keys: list[str | None] = []

    def key(shared: Any) -> None:
        visit = current_visit()
        assert visit is not None
        keys.append(idempotency_key(visit))

    same = chain(AsyncFlow, Does("a", key), Does("b", key), Does("c", key))
    finished = await run_durably(same, {}, store=store, run="r/fork")
    assert finished.shared == {"done": ["a", "b", "c"]}
    assert keys == ["r/fork:b:1", "r/fork:c:1"]


async def test_a_damaged_checkpoint_is_said_and_an_earlier_one_can_be_forked(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Does("b", Once(Broken())))
    with pytest.raises(Broken):
        await run_durably(flow, {}, store=store, run="r")
    latest = await store.latest("r")
    assert latest is not None
    vandal = await store.acquire("r", "vandal", 1)
    boundary = latest.boundary
    damaged = Entry(type(boundary)(2, "a", 1, None, boundary.at), latest.body[:-9])
    await store.commit(vandal, [damaged], keep=20)
    await store.release(vandal)
    with pytest.raises(CheckpointError, match="run 'r', boundary 2: its checkpoint is damaged"):
        await run_durably(flow, {}, store=store, run="r")
    await store.fork("r", 1, "r2")
    assert (await run_durably(flow, {}, store=store, run="r2")).shared == {"done": ["a", "b"]}


async def test_two_processes_cannot_run_one_run(store: RunStore) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    class Wait(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            arrived.set()
            await go.wait()

    flow = AsyncFlow(Wait())
    first = asyncio.create_task(run_durably(flow, {}, store=store, run="r", holder="first"))
    await arrived.wait()
    with pytest.raises(RunHeld, match="'first'"):
        await run_durably(flow, {}, store=store, run="r")
    go.set()
    assert not (await first).resumed


async def test_who_lost_the_lease_stops_and_writes_nothing_more(url: str) -> None:
    clock = ManualClock()
    store = SqliteRunStore(Path(url.removeprefix("sqlite:///")), clock)
    await store.open()
    stopped: list[str] = []
    arrived = asyncio.Event()

    class Wait(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            arrived.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stopped.append("node")
                raise

    flow = chain(AsyncFlow, Does("a"), Wait(name="wait"))
    leg = asyncio.create_task(run_durably(flow, {}, store=store, run="r", ttl=30, clock=clock))
    await arrived.wait()
    clock.advance(10)
    await eventually(lambda: len(clock.sleeps) == 2)  # renewed once
    await store.acquire("r", "other", 30, take_over=True)
    clock.advance(10)
    with pytest.raises(LeaseLost, match="run 'r' was acquired by another process since generation 1"):
        await leg
    assert stopped == ["node"]
    assert [boundary.path for boundary in await store.history("r")] == ["", "a"]
    await store.close()


def test_a_sync_run_that_lost_its_lease_stops_at_the_next_commit(blocking: BlockingRunStore) -> None:
    def steal(shared: Any) -> None:
        blocking.acquire("r", "thief", 30, take_over=True)

    flow = chain(Flow, Does("a"), Does("b", steal), Does("c"))
    shared: dict[str, Any] = {}
    with pytest.raises(LeaseLost):
        run_durably_sync(flow, shared, store=blocking, run="r")
    assert shared["done"] == ["a", "b"]
    assert [boundary.path for boundary in blocking.history("r")] == ["", "a"]


async def test_a_cancelled_run_can_be_resumed_at_once(store: RunStore) -> None:
    arrived = asyncio.Event()
    hold = True

    class Wait(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            arrived.set()
            if hold:
                await asyncio.Event().wait()

    flow = chain(AsyncFlow, Does("a"), Wait(name="wait"), Does("b"))
    leg = asyncio.create_task(run_durably(flow, {}, store=store, run="r"))
    await arrived.wait()
    leg.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leg
    hold = False
    assert (await run_durably(flow, {}, store=store, run="r")).shared == {"done": ["a", "b"]}


async def test_a_suspended_run_goes_on_at_the_node_that_waits(store: RunStore) -> None:
    class Approve(AsyncNode):
        async def exec_async(self, prep_res: Any) -> Any:
            visit = current_visit()
            assert visit is not None
            records = records_of(visit)
            assert records is not None
            asked = await records.fact()
            if asked is None:
                await records.put(-1, {"asked": "2026"})
            if await records.count() < 2:
                raise Suspend({"for": "Approval"})
            return [asked, [value async for _, value in records.items()]]

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> None:
            shared["approved"] = exec_res

    flow = chain(AsyncFlow, Does("a"), Approve(name="approve"), Does("b"))
    with pytest.raises(Suspend) as suspension:
        await run_durably(flow, {}, store=store, run="r")
    assert suspension.value.waiting == {"for": "Approval"}
    writer = suspension.value.writer
    assert writer is not None
    # what was waited for is written by others
    await store.record(writer, [Record("approve", 1, index, b'"yes"') for index in range(2)])
    finished = await run_durably(flow, {}, store=store, run="r")
    assert finished.shared["approved"] == [{"asked": "2026"}, ["yes", "yes"]]
    assert await store.count_records("r", "approve", 1) == 0, "records go with their visit"


def test_a_resumed_run_goes_on_counting_its_steps(blocking: BlockingRunStore) -> None:
    def flow(post: Post, max_steps: int) -> Flow:
        made: Flow = chain(Flow, Does("a"), Does("b", post), Does("c"), max_steps=max_steps)
        return made

    with pytest.raises(Broken):
        run_durably_sync(flow(Once(Broken()), 3), {}, store=blocking, run="r")
    with pytest.raises(StepLimitExceeded):
        run_durably_sync(flow(lambda shared: None, 2), {}, store=blocking, run="r")
    assert run_durably_sync(flow(lambda shared: None, 3), {}, store=blocking, run="r").resumed


async def test_a_store_that_is_away_is_waited_for(url: str) -> None:
    clock = SteppingClock()
    away = Away(Path(url.removeprefix("sqlite:///")))
    await away.open()
    away.fails = 5
    flow = chain(AsyncFlow, Does("a"), Does("b"))
    finished = await run_durably(flow, {}, store=away, run="r", patience=60, clock=Instant(clock))
    assert finished.shared == {"done": ["a", "b"]}
    await away.close()


async def test_patience_ends_and_the_run_can_be_resumed(url: str) -> None:
    away = Away(Path(url.removeprefix("sqlite:///")))
    await away.open()
    away.fails = 10_000
    flow = chain(AsyncFlow, Does("a"), Does("b"))
    with pytest.raises(Unavailable, match="away"):
        await run_durably(flow, {}, store=away, run="r", patience=60, clock=Instant(SteppingClock()))
    assert away.fails < 10_000 - 20
    away.fails = 0
    assert (await run_durably(flow, {}, store=away, run="r")).shared == {"done": ["a", "b"]}
    await away.close()


class Away(SqliteRunStore):
    """Fails the next `fails` commits after the start."""

    fails = 0

    async def commit(
        self, writer: Writer, entries: Sequence[Entry], *, keep: int, drop: Sequence[tuple[str, int]] = ()
    ) -> None:
        if self.fails and entries[0].boundary.number:
            self.fails -= 1
            raise Unavailable("away")
        await super().commit(writer, entries, keep=keep, drop=drop)


class Instant:
    """The pauses between attempts take no time; the lease's renewal never comes."""

    def __init__(self, clock: SteppingClock) -> None:
        self.now = clock.now
        self.monotonic = clock.monotonic
        self._clock = clock

    async def sleep(self, seconds: float) -> None:
        if seconds > 5:
            await asyncio.Event().wait()
        await self._clock.sleep(seconds)


def test_a_sync_flow_needs_a_blocking_store(url: str) -> None:
    with pytest.raises(
        TypeError, match="needs a blocking store, and SqliteRunStore is async: use open_blocking"
    ):
        run_durably_sync(Flow(Does("a")), {}, store=open_store(url), run="r")  # type: ignore[arg-type]


async def test_a_sync_flow_in_an_async_run_is_refused_before_anything_runs(store: RunStore) -> None:
    flow = chain(AsyncFlow, Does("a"), Flow(Does("inside"), name="nested"))
    shared: dict[str, Any] = {}
    with pytest.raises(
        TypeError, match=r"cannot await the commits of their nodes: nested\. Make them AsyncFlows"
    ):
        await run_durably(flow, shared, store=store, run="r")
    assert shared == {}


def test_flows_that_a_node_starts_one_after_the_other_are_told_apart(blocking: BlockingRunStore) -> None:
    once = Once(Broken())

    class Runs(Does):
        """Runs two flows on the run's own shared store, by hand."""

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            chain(Flow, Does("x"), Does("y")).run(shared)
            chain(Flow, Does("x"), Does("z", once)).run(shared)

    def flow() -> Flow:
        made: Flow = chain(Flow, Runs("a"), Does("b"))
        return made

    with pytest.raises(Broken):
        run_durably_sync(flow(), {}, store=blocking, run="r")
    finished = run_durably_sync(flow(), {}, store=blocking, run="r")
    assert finished.shared == {"done": ["x", "y", "x", "z", "b"]}


def test_a_flow_on_another_shared_store_belongs_to_its_node(blocking: BlockingRunStore) -> None:
    once = Once(Broken())
    keys: list[str | None] = []

    def key(shared: Any) -> None:
        visit = current_visit()
        assert visit is not None
        keys.append(idempotency_key(visit))

    class Runs(Does):
        def exec(self, prep_res: Any) -> Any:
            own: dict[str, Any] = {"client": object()}  # not JSON, and need not be
            chain(Flow, Does("x", key), Does("y", once)).run(own)
            return own["done"]

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared.setdefault("inner", []).append(exec_res)
            return "again" if len(shared["inner"]) < 2 else None

    def flow() -> Flow:
        node = Runs("a")
        node - "again" >> node
        node >> None
        return Flow(node)

    with pytest.raises(Broken):
        run_durably_sync(flow(), {}, store=blocking, run="r")
    finished = run_durably_sync(flow(), {}, store=blocking, run="r")
    assert finished.shared == {"inner": [["x", "y"], ["x", "y"]]}
    assert keys == ["r:a!/x:1", "r:a!/x:1", "r:a!/x:2"]


def test_without_a_durable_run_there_are_no_keys_and_no_records() -> None:
    def look(shared: Any) -> None:
        visit = current_visit()
        assert visit is not None
        assert idempotency_key(visit) is None
        assert records_of(visit) is None

    with observe(Observer()):
        Flow(Does("a", look)).run({})
