"""The ready-made observers: counts, failures, retries and durations; a log record for each visit."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime.flow import AsyncFlow, AsyncNode, AsyncParallelBatchFlow, BatchFlow, Flow, Node, observe
from agent_runtime.flow.monitor import Monitor, log_record_observer
from agent_runtime.flow.report import Report, Row


class Time:
    """A clock that only moves when nodes work."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Work(Node):
    """Takes `seconds` an attempt, of which the first `failures` fail."""

    def __init__(self, time: Time, seconds: float = 1.0, failures: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.time, self.seconds, self.failures = time, seconds, failures

    def exec(self, prep_res: Any) -> None:
        self.time.now += self.seconds
        if self.cur_retry < self.failures:
            raise ValueError(f"attempt {self.cur_retry}")

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return shared.get("action")


def report(build: Callable[[Time], Flow], runs: int = 1) -> Report:
    """Of a monitor that watched so many runs."""
    time = Time()
    monitor = Monitor(time)
    for _ in range(runs):
        with observe(monitor):
            build(time).run({})
    return monitor.report()


def test_runs_add_up() -> None:
    def book(time: Time) -> Flow:
        draft = Work(time, 2.0, name="draft")
        draft >> Work(time, 0.5, failures=2, max_retries=3, name="review")
        return Flow(draft, name="book")

    assert report(book, runs=3) == Report(
        flows=(Row("book", "flow", count=3, seconds=10.5, slowest=3.5),),
        nodes=(
            Row("book/draft", "node", count=3, seconds=6.0, slowest=2.0),
            Row("book/review", "node", count=3, retries=6, seconds=4.5, slowest=1.5),
        ),
    )


def test_the_slowest_is_remembered() -> None:
    time = Time()
    monitor = Monitor(time)
    for seconds in (1.0, 3.0, 2.0):
        with observe(monitor):
            Flow(Work(time, seconds, name="draft"), name="book").run({})
    (row,) = monitor.report().nodes
    assert (row.slowest, row.mean) == (3.0, 2.0)


def test_passes_of_a_batch_share_a_row_and_nested_flows_are_flows_and_nodes() -> None:
    class Chapters(BatchFlow):
        def prep(self, shared: Any) -> Any:
            return [{}, {}, {}]

    def nested(time: Time) -> Flow:
        return Flow(Chapters(Work(time, name="write"), name="chapters"), name="book")

    def outermost(time: Time) -> Flow:
        return Chapters(Work(time, name="write"))

    counts = [
        {(row.path, row.kind): row.count for row in (*each.flows, *each.nodes)}
        for each in (report(nested), report(outermost))
    ]
    assert counts == [
        {
            ("book", "flow"): 1,
            ("book/chapters[]", "flow"): 3,
            ("book/chapters", "node"): 1,
            ("book/chapters[]/write", "node"): 3,
        },
        {("Chapters[]", "flow"): 3, ("Chapters[]/write", "node"): 3},
    ]


def test_a_failure_counts_for_the_node_and_for_the_flows_around_it() -> None:
    time, monitor = Time(), Monitor()
    inner = Flow(Work(time, failures=1, name="bad"), name="inner")
    with observe(monitor), pytest.raises(ValueError, match="attempt 0"):
        Flow(inner, name="outer").run({})
    seen = monitor.report()
    assert {row.path: (row.count, row.failures) for row in seen.flows} == {
        "outer": (1, 1),
        "outer/inner": (1, 1),
    }
    assert {row.path: (row.count, row.failures) for row in seen.nodes} == {
        "outer/inner": (1, 1),
        "outer/inner/bad": (1, 1),
    }


async def test_what_is_cancelled_is_interrupted_and_did_not_fail() -> None:
    began = asyncio.Event()

    class Wait(AsyncNode):
        async def exec_async(self, prep_res: Any) -> None:
            began.set()
            await asyncio.Event().wait()

    monitor = Monitor()
    with observe(monitor):
        task = asyncio.create_task(AsyncFlow(Wait(name="wait"), name="flow").run_async({}))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (row,) = monitor.report().nodes
    assert (row.count, row.failures, row.interruptions) == (1, 0, 1)


async def test_one_monitor_watches_runs_in_tasks_and_threads() -> None:
    class Passes(AsyncParallelBatchFlow):
        async def prep_async(self, shared: Any) -> Any:
            return [{}] * 10

    monitor = Monitor()

    def run() -> None:
        with observe(monitor):
            asyncio.run(Passes(Node(name="step")).run_async({}))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.count for row in monitor.report().nodes] == [80]


def test_a_report_is_data_and_a_table() -> None:
    row = Row("book/draft", "node", count=4, failures=1, interruptions=2, retries=3, seconds=6.0, slowest=2.5)
    made = Report(flows=(Row("book", "flow", count=1, seconds=7.25, slowest=7.25),), nodes=(row,))
    assert json.loads(json.dumps(made.as_dict()))["nodes"] == [
        {
            "path": "book/draft", "kind": "node", "count": 4, "failures": 1, "interruptions": 2, "retries": 3,
            "seconds": 6.0, "slowest": 2.5,
        }
    ]  # fmt: skip
    assert str(made).splitlines() == [
        "path        kind  count  failed  interrupted  retries  mean s  slowest s",
        "book        flow      1       0            0        0   7.250      7.250",
        "book/draft  node      4       1            2        3   1.500      2.500",
    ]
    assert str(Report((), ())) == "path  kind  count  failed  interrupted  retries  mean s  slowest s"
    assert Row("unseen", "node").mean == 0.0


FIELDS = ("flow", "node", "visit", "attempts", "action", "seconds", "outcome", "error")


def test_each_visit_is_one_log_record(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    draft = Work(time, 2.0, failures=1, max_retries=2, name="draft")
    draft - "again" >> Flow(Work(time, failures=1, name="bad"), name="inner")
    caplog.set_level(logging.INFO, "agent_runtime.flow")
    with observe(log_record_observer(clock=time)), pytest.raises(ValueError, match="attempt 0"):
        Flow(draft, name="book").run({"action": "again"})
    records = [
        (each.levelname, each.getMessage(), *(each.__dict__[name] for name in FIELDS))
        for each in caplog.records
    ]
    error = "ValueError: attempt 0"
    assert records == [
        ("INFO", "draft succeeded", "book", "draft", 1, 2, "again", 4.0, "succeeded", error),
        ("WARNING", "inner/bad failed", "book", "inner/bad", 1, 1, None, 1.0, "failed", error),
        ("WARNING", "inner failed", "book", "inner", 1, 1, None, 1.0, "failed", error),
    ]


def test_records_go_to_the_logger_that_is_given(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mine")
    with observe(log_record_observer(logging.getLogger("mine"))):
        Flow(Node()).run({})
    assert [each.name for each in caplog.records] == ["mine"]
