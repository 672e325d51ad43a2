"""The relay: the log has every artifact that the store has, whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.service.service import BlackboardService, utc_now
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Limits, Publication
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from agent_runtime.eventlog.availability import Availability
from agent_runtime.eventlog.brokers.open import make_log
from agent_runtime.eventlog.brokers.port import EventLog
from agent_runtime.eventlog.recorder import Recorder
from agent_runtime.eventlog.records import read_artifact
from agent_runtime.eventlog.relay import ArtifactPublisher, LogMismatch
from tests.contract.boards import REGISTRY, SCOUT, finding
from tests.contract.eventlog.conftest import Connect
from tests.contract.eventlog.kafka_broker import KafkaBroker
from tests.contract.eventlog.logs import NatsServer, new_board, records

NOON = datetime.fromisoformat("2026-11-01T12:00:00Z")
MANY = 1203


def artifact(id_: str, **fields: object) -> Artifact:
    """One that somebody published."""
    payload = {"title": id_, **fields}
    return Artifact(
        id=id_,
        type="Finding",
        version=1,
        payload=payload,
        producer="scout",
        correlation=id_,
        created_at=NOON,
    )


async def put(store: Store, first: int, last: int) -> None:
    """Store artifacts."""
    version = (await store.subscribers()).version
    for at in range(first, last + 1, 100):
        chunk = [Publication(artifact(f"a{n}")) for n in range(at, min(at + 100, last + 1))]
        await store.publish(chunk, version)


async def logged(log: EventLog) -> list[str]:
    """The ids of the artifacts in the log, each where it came for the first time."""
    return list(dict.fromkeys(read_artifact(record).id for record in await records(log, "artifacts")))


def ids(first: int, last: int) -> list[str]:
    """Of the artifacts that `put` stores."""
    return [f"a{n}" for n in range(first, last + 1)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store that counts its positions."""
    store = SqliteStore(tmp_path / "board.sqlite", Limits())
    await store.open()
    yield store
    await store.close()


async def test_it_goes_on_where_another_server_stopped(store: Store, connect: Connect) -> None:
    for first, last in ((1, 700), (701, MANY)):
        await put(store, first, last)
        log = connect()
        assert await ArtifactPublisher(store, log, Availability()).catch_up() == last - first + 1
        assert await logged(log) == ids(1, last)
        await log.close()


async def test_several_servers_relay_at_once(store: Store, connect: Connect) -> None:
    logs = [connect() for _ in range(3)]
    await put(store, 1, MANY)
    await asyncio.gather(*(ArtifactPublisher(store, log, Availability()).catch_up() for log in logs))
    assert await logged(logs[0]) == ids(1, MANY)
    for log in logs:
        await log.close()


@pytest.mark.parametrize("server", ["shared_nats", "shared_kafka"])
async def test_what_is_too_large_for_the_log_leaves_its_name(
    request: pytest.FixtureRequest, store: Store, server: str
) -> None:
    running: NatsServer | KafkaBroker = request.getfixturevalue(server)
    log = make_log(running.url, new_board())
    large = artifact("large", text="x" * 2_000_000)
    await store.publish([Publication(one) for one in (artifact("a1"), large, artifact("a2"))], 0)
    await ArtifactPublisher(store, log, Availability()).catch_up()
    found = [read_artifact(record) for record in await records(log, "artifacts")]
    await log.close()
    assert [(one.id, one.artifact is None) for one in found] == [
        ("a1", False),
        ("large", True),
        ("a2", False),
    ]


@pytest.mark.parametrize("of_the_other", [1, 5])
async def test_the_log_of_another_board_is_not_gone_on_with(
    store: Store, redis_log: EventLog, of_the_other: int
) -> None:
    other = MemoryStore(Limits())
    await other.publish([Publication(artifact(f"b{n}")) for n in range(3)], 0)
    await ArtifactPublisher(other, redis_log, Availability()).catch_up()
    await put(store, 1, of_the_other)
    with pytest.raises(LogMismatch, match="another board of this name"):
        await ArtifactPublisher(store, redis_log, Availability()).catch_up()
    assert len(await logged(redis_log)) == 3


async def test_an_empty_store_under_an_old_log_shows_with_its_first_artifact(redis_log: EventLog) -> None:
    old, new = MemoryStore(Limits()), MemoryStore(Limits())
    await old.publish([Publication(artifact("b1")), Publication(artifact("b2"))], 0)
    await ArtifactPublisher(old, redis_log, Availability()).catch_up()
    relay = ArtifactPublisher(new, redis_log, Availability())
    assert await relay.catch_up() == 0
    await new.publish([Publication(artifact("a1"))], 0)
    with pytest.raises(LogMismatch):
        await relay.catch_up()


async def test_what_the_log_ends_with_may_have_been_pruned(redis_log: EventLog) -> None:
    store = MemoryStore(Limits())
    await put(store, 1, 3)
    await ArtifactPublisher(store, redis_log, Availability()).catch_up()
    await store.prune(None, 0, 100)
    await put(store, 4, 5)
    await ArtifactPublisher(store, redis_log, Availability()).catch_up()
    assert await logged(redis_log) == ids(1, 5)


async def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("server", "name"), [("own_nats", "NATS"), ("own_kafka", "Kafka")])
async def test_a_log_that_is_away_costs_no_artifact_and_stops_nobody(
    request: pytest.FixtureRequest, server: str, name: str
) -> None:
    running: NatsServer | KafkaBroker = request.getfixturevalue(server)
    store, log = MemoryStore(Limits()), make_log(running.url, new_board())
    recorder = Recorder(store, log, utc_now)
    service = BlackboardService(store, REGISTRY, observer=recorder.observe)
    async with service, recorder:
        board = service.board(SCOUT)
        await board.publish([finding(id="a1")])
        await until(recorder.may_prune)
        running.kill()
        for n in range(2, 301):
            await board.publish([finding(id=f"a{n}")])
        await until(lambda: not recorder.may_prune())
        await until(lambda: recorder.fault.startswith(f"the event log in {name}"))
        running.start()
        await board.publish([finding(id="a301")])
        await until(recorder.may_prune)
    await log.open()
    assert await logged(log) == ids(1, 301)
    told = b"".join(await records(log, "events"))
    assert all(f'"artifact":"a{n}"'.encode() in told for n in range(1, 302))
    await log.close()
