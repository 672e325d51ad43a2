"""Background tasks have an owner: failures are seen, and what should run is started again."""

import ast
import asyncio
from typing import Any

import pytest
import structlog

from agent_runtime.core.background import FIRST_PAUSE, describe, encodable, keep_running, report, spawn
from tests.paths import ROOT

AWAITED_WHERE_MADE = {
    "agent_runtime/core/background.py": 1,
    "agent_runtime/blackboard/service/returning.py": 1,
    "agent_runtime/blackboard/stores/postgres/database.py": 1,
    "agent_runtime/flow/parallel.py": 1,
    "agent_runtime/local/runs/triggers.py": 2,
    "agent_runtime/processes/item.py": 1,
    "agent_runtime/processes/run.py": 1,
    "agent_runtime/runs/worker/worker.py": 3,
    "agent_runtime/server/blackboard/stream.py": 1,
    "agent_runtime/server/http/disconnects.py": 2,
    "agent_runtime/server/http/methods.py": 2,
    "agent_runtime/server/http/uvicorn_server.py": 2,
    "agent_runtime/triggers/listener.py": 1,
    "agent_runtime/runs/nodes/python.py": 1,
    "operator/covey_operator/main.py": 1,
    "operator/covey_operator/run_queue/follower.py": 1,
}
"""Where tasks are made without `spawn`: the function that makes them awaits them, or ends with them."""


def _made_bare(source: str) -> int:
    return sum(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("create_task", "ensure_future")
        for node in ast.walk(ast.parse(source))
    )


def test_no_task_is_made_that_nobody_owns() -> None:
    files = [*(ROOT / "agent_runtime").rglob("*.py"), *(ROOT / "operator").rglob("*.py")]
    bare = {str(file.relative_to(ROOT)): count for file in files if (count := _made_bare(file.read_text()))}
    more = {file: count for file, count in bare.items() if count > AWAITED_WHERE_MADE.get(file, 0)}
    assert not more, "start background tasks with agent_runtime.core.background.spawn or keep_running"


async def _fails() -> None:
    raise ValueError("a name \udce9 that is not UTF-8")


async def test_a_failure_that_nobody_awaits_is_logged_and_passed_on() -> None:
    failures: list[Exception] = []
    with structlog.testing.capture_logs() as logs:
        task = spawn(_fails(), name="reader", on_failure=failures.append)
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [type(failure) for failure in failures] == [ValueError]
    assert logs[0]["task"] == "reader"
    assert logs[0]["error"] == "ValueError: a name \\udce9 that is not UTF-8"
    assert "in _fails" in logs[0]["exception"]


async def test_a_cancelled_task_is_no_failure() -> None:
    failures: list[Exception] = []
    task = spawn(asyncio.sleep(3600), name="sleeper", on_failure=failures.append)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert failures == []


async def test_what_should_run_is_started_again_after_longer_and_longer_pauses() -> None:
    pauses: list[float] = []
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts < 4:
            raise RuntimeError("not yet")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    failures: list[Exception] = []
    await keep_running(work, name="clock", on_failure=failures.append, sleep=sleep)
    assert (starts, len(failures)) == (4, 3)
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]


def test_the_reporter_itself_never_fails() -> None:
    def worse(failure: Exception) -> None:
        raise OSError("no space left on device")

    report("writer", ValueError("first"), worse)


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (ValueError("two\nlines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
    ],
)
def test_an_error_is_described_on_one_line(error: Exception, described: str) -> None:
    assert describe(error) == described


@pytest.mark.parametrize("text", ["plain", "Zürich", "\udce9", "a\ud800b"])
def test_every_text_can_be_encoded_in_the_end(text: Any) -> None:
    encodable(text).encode()
