"""Event logs on real servers."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent_runtime.eventlog.brokers.open import make_log
from agent_runtime.eventlog.brokers.port import EventLog
from tests.contract.eventlog.kafka_broker import KafkaBroker, running_kafka
from tests.contract.eventlog.logs import NatsServer, new_board, running_nats
from tests.contract.servers import RedisServer
from tests.servers import MissingProgram


@pytest.fixture(scope="session")
def shared_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One NATS for all tests that do not break it."""
    with running_nats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS for a test that breaks it."""
    with running_nats(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def shared_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One Kafka for all tests that do not break it."""
    with _kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A Kafka for a test that breaks it."""
    with _kafka(tmp_path) as broker:
        yield broker


@contextmanager
def _kafka(folder: Path) -> Iterator[KafkaBroker]:
    """Java is much to ask of a machine: without it these tests are skipped, but not where all must run."""
    try:
        with running_kafka(folder) as broker:
            yield broker
    except MissingProgram as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


Connect = Callable[[], EventLog]
"""Makes a new connection to the same log."""


@pytest.fixture(params=["nats", "kafka", "redis"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Connections to one new log."""
    board = new_board()
    match request.param:
        case "nats":
            nats: NatsServer = request.getfixturevalue("shared_nats")
            url = nats.url
        case "kafka":
            kafka: KafkaBroker = request.getfixturevalue("shared_kafka")
            url = kafka.url
        case _:
            redis: RedisServer = request.getfixturevalue("shared_redis")
            url = redis.url
    return lambda: make_log(url, board)


@pytest.fixture
async def log(connect: Connect) -> AsyncIterator[EventLog]:
    """A new log, open."""
    log = connect()
    await log.open()
    yield log
    await log.close()


@pytest.fixture
async def redis_log(shared_redis: RedisServer) -> AsyncIterator[EventLog]:
    """A new log, open, for tests of what is the same with all."""
    log = make_log(shared_redis.url, new_board())
    await log.open()
    yield log
    await log.close()
