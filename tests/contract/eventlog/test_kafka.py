"""What a Kafka can have against a log: users who may not, topics that take less, a death in the middle."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.cimpl import NewTopic

from agent_runtime.eventlog.brokers.open import make_log
from agent_runtime.eventlog.brokers.port import EventLog, LogUnavailable
from tests.contract.eventlog.kafka_broker import USER, KafkaBroker
from tests.contract.eventlog.logs import new_board, records


def make_topics(broker: KafkaBroker, board: str, **config: str) -> None:
    """Both topics of a board, as whoever runs the broker makes them."""
    names = [f"covey.{board.replace('/', '.')}.{track}" for track in ("artifacts", "events")]
    admin = AdminClient({"bootstrap.servers": broker.url.removeprefix("kafka://")})
    for made in admin.create_topics([NewTopic(name, 1, 1, config=config) for name in names]).values():
        made.result()


def allow(broker: KafkaBroker, *operations: AclOperation) -> None:
    """What the broker's user may do with the topics of the boards of these tests."""
    topics = (ResourceType.TOPIC, "covey.tests.", ResourcePatternType.PREFIXED)
    admin = AdminClient({"bootstrap.servers": broker.url.removeprefix("kafka://")})
    lists = [AclBinding(*topics, f"User:{USER}", "*", one, AclPermissionType.ALLOW) for one in operations]
    for done in admin.create_acls(lists).values():
        done.result()


@pytest.fixture
async def guarded(shared_kafka: KafkaBroker) -> AsyncIterator[tuple[EventLog, str]]:
    """A log as the user who may write and read topics, but not make them; and its board."""
    allow(shared_kafka, AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)
    board = new_board()
    log = make_log(shared_kafka.guarded_url, board)
    yield log, board
    await log.close()


async def test_a_user_who_may_not_make_topics_is_told_which_to_ask_for(
    guarded: tuple[EventLog, str], shared_kafka: KafkaBroker
) -> None:
    log, board = guarded
    prefix = f"covey.{board.replace('/', '.')}"
    with pytest.raises(LogUnavailable) as refused:
        await log.open()
    assert f"does not make, the topics {prefix}.artifacts, {prefix}.events: " in str(refused.value)
    make_topics(shared_kafka, board)
    await log.open()
    await log.append_artifacts([(1, b"one")])
    assert await records(log, "artifacts") == [b"one"]


async def test_a_topic_that_takes_less_says_what_to_set(shared_kafka: KafkaBroker) -> None:
    board = new_board()
    make_topics(shared_kafka, board, **{"max.message.bytes": "100000"})
    log = make_log(shared_kafka.url, board)
    await log.open()
    await log.append_artifacts([(1, b"one")])
    with pytest.raises(LogUnavailable, match=r"set max\.message\.bytes of its topics to 1048588"):
        await log.append_artifacts([(2, b"x" * 200_000)])
    await log.open()
    await log.append_artifacts([(2, b"two")])
    assert await records(log, "artifacts") == [b"one", b"two"]
    await log.close()


async def test_the_largest_record_that_is_promised_is_taken(log_on_kafka: EventLog) -> None:
    largest = b"x" * log_on_kafka.largest
    await log_on_kafka.append_artifacts([(1, largest)])
    assert await log_on_kafka.last("artifacts") == largest


@pytest.fixture
async def log_on_kafka(shared_kafka: KafkaBroker) -> AsyncIterator[EventLog]:
    """A new log, open."""
    log = make_log(shared_kafka.url, new_board())
    await log.open()
    yield log
    await log.close()


async def test_a_broker_that_is_killed_again_and_again_leaves_no_hole(own_kafka: KafkaBroker) -> None:
    log = make_log(own_kafka.url, new_board())
    most, kills = 3000, 2

    async def last() -> int:
        return int(await log.last("artifacts") or 0)

    async def relay() -> None:
        """As the relay does it: from what the log ends with."""
        done = 0
        while done < most:
            try:
                await log.open()
                done = await last()
                await log.append_artifacts(
                    [(n, f"{n}".encode()) for n in range(done + 1, min(done + 20, most) + 1)]
                )
            except LogUnavailable:
                await asyncio.sleep(0.05)
            reached.set()

    reached = asyncio.Event()
    async with asyncio.timeout(240), asyncio.TaskGroup() as tasks:
        relaying = tasks.create_task(relay())
        for _ in range(kills):
            reached.clear()
            await reached.wait()
            own_kafka.kill()
            await asyncio.to_thread(own_kafka.start)
        await relaying
    found = [int(record) for record in await records(log, "artifacts")]
    assert list(dict.fromkeys(found)) == list(range(1, most + 1))
    await log.close()
