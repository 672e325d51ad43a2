"""The pauses of the runs follower while the runs server does not answer."""

import itertools
from contextlib import suppress

import structlog

from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.runs.queue.client import HttpQueue
from covey_operator.informers.cache import Cache
from covey_operator.informers.reflector import backoffs
from covey_operator.kube.keys import Key
from covey_operator.run_queue.client import RunsServer
from covey_operator.run_queue.coordinator import RunCoordinator
from covey_operator.run_queue.follower import Idle, RunsFollower
from covey_operator.runs.concurrency import ConcurrencyLimiter
from hack.cluster.control_plane.control_plane import free_ports


class Enough(BaseException):
    """The test has seen what it wants."""


class SometimesQueued(RunCoordinator):
    """A run is in a queue at every second look, and one is in a Job at every third."""

    def __init__(self) -> None:
        super().__init__(ConcurrencyLimiter(most=1, most_per_namespace=1), None, lambda key: None)
        self._looks = itertools.count()

    def has_queued(self) -> bool:
        return next(self._looks) % 2 == 0

    def in_jobs(self) -> frozenset[Key]:
        return frozenset({Key("FlowRun", "news", "monday")} if next(self._looks) % 3 == 0 else ())


async def waited(which: str, failures: int) -> list[float]:
    """The pauses after failures, while nobody answers at the server's place."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        if not isinstance(seconds, Idle):
            waits.append(seconds)
        if len(waits) == failures:
            raise Enough

    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    server = RunsServer(HttpRunStore(url, "t", patience=0), HttpQueue(url, "t", patience=0))
    follower = RunsFollower(SometimesQueued(), server, Cache(), (), lambda key: None, sleep=sleep)
    with suppress(Enough):
        await follower._again_and_again(getattr(follower, which))
    return waits


async def test_a_look_that_asks_for_nothing_makes_no_pause_shorter() -> None:
    wanted = list(itertools.islice(backoffs(), 8))
    with structlog.testing.capture_logs() as logs:
        assert await waited("poll", 8) == wanted
        assert await waited("look", 8) == wanted
    assert [each["event"] for each in logs] == ["the runs server does not answer; will retry"] * 2
