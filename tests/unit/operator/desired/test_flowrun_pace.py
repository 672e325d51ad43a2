"""How often a run's progress is written, and that a server that is away is not asked by every pass."""

from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.runs.queue.client import HttpQueue
from covey_operator.kube.keys import Key
from covey_operator.plan import Plan
from covey_operator.run_queue.client import RunsServer
from covey_operator.run_queue.coordinator import RunCoordinator
from covey_operator.runs.concurrency import ConcurrencyLimiter
from covey_operator.runs.queue_rows import InQueue, Step
from hack.cluster.control_plane.control_plane import free_ports
from tests.unit.operator.worlds import Object

MONDAY = Key("FlowRun", "news", "monday")


class Time:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def nodes(*names: str, phase: str = "Running") -> Object:
    return {"phase": phase, "nodes": [{"name": name} for name in names]}


def test_news_of_nodes_are_written_every_five_seconds_and_those_of_phases_at_once() -> None:
    time = Time()
    runs = RunCoordinator(ConcurrencyLimiter(), None, lambda key: None, time)
    first, second, third = nodes("a"), nodes("a", "b"), nodes("a", "b", "c")
    assert runs.throttled(MONDAY, {"phase": "Running"}, first) == (first, None)
    assert runs.throttled(MONDAY, first, first) == (first, None)
    time.now += 2
    assert runs.throttled(MONDAY, first, second) == ({"phase": "Running"}, 3.0)
    time.now += 3
    assert runs.throttled(MONDAY, first, third) == (third, None)
    ended = nodes("a", "b", "c", "d", phase="Succeeded")
    assert runs.throttled(MONDAY, third, ended) == (ended, None)


async def test_a_server_that_is_away_is_not_waited_for_by_every_pass() -> None:
    time, (port,) = Time(), free_ports(1)
    url = f"http://127.0.0.1:{port}"
    server = RunsServer(HttpRunStore(url, "t", patience=0), HttpQueue(url, "t", patience=0))
    runs = RunCoordinator(ConcurrencyLimiter(), server, lambda key: None, time)
    submit = Plan(None, queued=InQueue("news/monday/1", "news/report"), step=Step("Run", b"{}", is_new=True))
    first = await runs.step(submit)
    assert first.queued is not None
    assert "does not answer" in first.queued.away
    assert first.again_in == 5.0
    await server.queue.close()  # type: ignore[attr-defined]
    found = await runs.look_up("news/tuesday/1")
    assert found == {"away": first.queued.away}
