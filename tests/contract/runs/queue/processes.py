"""Runs servers as processes of their own."""

from contextlib import AbstractAsyncContextManager

from agent_runtime.processes.run_queue import KEY as KEY_VARIABLE
from agent_runtime.processes.run_queue import STORE as STORE_VARIABLE
from tests.contract import processes
from tests.contract.processes import ServerProcess
from tests.contract.runs.queue.serving import KEY


def running(store_url: str, count: int = 1) -> AbstractAsyncContextManager[list[ServerProcess]]:
    """`python -m agent_runtime runs` on one store, so many times."""
    return processes.running(["runs"], {KEY_VARIABLE: KEY, STORE_VARIABLE: store_url}, count)
