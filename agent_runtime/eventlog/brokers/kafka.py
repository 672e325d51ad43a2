"""An event log in two topics of Kafka: `covey.NAMESPACE.BOARD.artifacts` and `....events`.

Only partition 0 is written and read: order is what a log is for. Servers that append at once may write the
same artifacts twice, always in order; who reads leaves out what is not behind what came before.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, NoError, TopicAlreadyExistsError, for_code

from agent_runtime.eventlog.brokers.port import LogUnavailable, Track

_SECONDS = 10.0
_PAGE = 500
_LARGEST = 1_000_000
"""Bytes of a record: a little below what brokers take when nobody told them otherwise."""
_Client = TypeVar("_Client", AIOKafkaConsumer, AIOKafkaProducer)
_TRACKS: tuple[Track, ...] = ("artifacts", "events")


class KafkaLog:
    """See `brokers.port.EventLog`."""

    largest = _LARGEST

    def __init__(self, url: str, board: str) -> None:
        """`url` as kafka://host:9092,host:9092, kafka://user:password@... (SASL PLAIN), kafkas://... (TLS).

        `board` as `namespace/name`.
        """
        self._settings = connection_of(url)
        self._prefix = f"covey.{board.replace('/', '.')}."
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._busy = asyncio.Lock()
        """Held while the connections are made, and while the one consumer reads."""

    async def open(self, *, to_write: bool = True) -> None:
        async with self._busy:
            if to_write and self._producer is None:
                self._producer = await self._open_to_write()
            if self._consumer is None:
                self._consumer = await _started(
                    AIOKafkaConsumer(
                        **self._settings,
                        enable_auto_commit=False,
                        auto_offset_reset="earliest",
                        max_poll_records=_PAGE,
                    )
                )

    async def _open_to_write(self) -> AIOKafkaProducer:
        with _unavailable():
            await self._make_topics()
        return await _started(
            AIOKafkaProducer(
                **self._settings,
                enable_idempotence=True,
                acks="all",
                max_request_size=_LARGEST + 65_536,
                request_timeout_ms=int(_SECONDS * 1000),
            )
        )

    async def _make_topics(self) -> None:
        """One partition each, as often as the broker keeps what says nothing else."""
        admin = AIOKafkaAdminClient(**self._settings, request_timeout_ms=int(_SECONDS * 1000))
        try:
            await admin.start()
            there = set(await admin.list_topics())
            missing = [self._prefix + track for track in _TRACKS if self._prefix + track not in there]
            if missing:
                # without replicas that are named, -1 is refused before it is sent
                answer = await admin.create_topics([NewTopic(name, 1, -1, {}) for name in missing])
                _raise_refusal(answer.topic_errors)
        finally:
            await admin.close()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        consumer, self._consumer = self._consumer, None
        for client in (producer, consumer):
            if client is not None:
                await client.stop()

    async def last(self, track: Track) -> bytes | None:
        with _unavailable():
            async with asyncio.timeout(_SECONDS), self._busy:
                consumer, place = self._reader(track)
                start, end = await _bounds(consumer, place)
                if start == end:
                    return None
                consumer.seek(place, end - 1)
                record = await consumer.getone(place)
        return record.value or b""

    async def append_artifacts(self, records: Sequence[tuple[int, bytes]]) -> None:
        await self._append("artifacts", [record for _, record in records])

    async def append_events(self, records: Sequence[bytes], instance: str, first: int) -> None:
        await self._append("events", records)

    async def _append(self, track: Track, records: Sequence[bytes]) -> None:
        producer, sent = self._producer, []
        if producer is None:
            raise LogUnavailable("the event log in Kafka is not connected")
        with _unavailable():
            try:
                # an idempotent producer keeps the order, whatever it must send again
                for one in records:
                    sent.append(await producer.send(self._prefix + track, one, partition=0))
                await asyncio.gather(*sent)
            except KafkaError:
                await self._give_up(producer)
                await asyncio.gather(*sent, return_exceptions=True)
                raise

    async def _give_up(self, producer: AIOKafkaProducer) -> None:
        """It counts what it could not send, too, and the broker takes nothing behind such a hole."""
        async with self._busy:
            await producer.stop()
            if self._producer is producer:
                self._producer = None

    async def read(self, track: Track) -> AsyncIterator[tuple[str, bytes]]:
        consumer, place = self._reader(track)
        with _unavailable():
            at, end = await _bounds(consumer, place)
            consumer.seek(place, at)
        while at < end:
            with _unavailable():
                rows = await consumer.getmany(place, timeout_ms=1000, max_records=_PAGE)
            for row in rows.get(place, ()):
                at = row.offset + 1
                if row.offset < end:
                    yield f"{track} {row.offset}", row.value or b""

    def _reader(self, track: Track) -> tuple[AIOKafkaConsumer, TopicPartition]:
        if self._consumer is None:
            raise LogUnavailable("the event log in Kafka is not connected")
        place = TopicPartition(self._prefix + track, 0)
        self._consumer.assign([place])
        return self._consumer, place


async def _started(client: _Client) -> _Client:
    with _unavailable():
        try:
            await client.start()
        except BaseException:
            await client.stop()
            raise
    return client


def _raise_refusal(answers: Iterable[tuple[Any, ...]]) -> None:
    """`answers`: name, number and message for each topic that was to be made. All refused are named."""
    refused: dict[str, str] = {}
    for name, code, *told in answers:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            refused[name] = " ".join(filter(None, [error.__name__, *told])).rstrip(".")
    if refused:
        topics = ", ".join(sorted(refused))
        reasons = "; ".join(dict.fromkeys(refused.values()))
        raise LogUnavailable(
            f"the event log in Kafka: the broker does not have, and does not make, the topics {topics}: "
            f"{reasons}. Make them, with one partition each, or let the user create topics"
        )


async def _bounds(consumer: AIOKafkaConsumer, place: TopicPartition) -> tuple[int, int]:
    start = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    return start, end


def connection_of(url: str) -> dict[str, Any]:
    """What aiokafka's clients want to know. Raises ValueError for a URL without a host."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    if not hosts:
        raise ValueError("want kafka://host:9092")
    settings: dict[str, Any] = {"bootstrap_servers": hosts.split(",")}
    encrypted = parts.scheme == "kafkas"
    if encrypted:
        settings["ssl_context"] = ssl.create_default_context()
    settings["security_protocol"] = ("SASL_" if user else "") + ("SSL" if encrypted else "PLAINTEXT")
    if user:
        name, _, password = user.partition(":")
        settings |= {
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": unquote(name),
            "sasl_plain_password": unquote(password),
        }
    return settings


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise LogUnavailable(f"the event log in Kafka does not answer within {_SECONDS:g} s") from error
    except MessageSizeTooLargeError as error:
        raise LogUnavailable(
            "the event log in Kafka takes only records smaller than those of up to 1 MB that there may be: "
            "set max.message.bytes of its topics to 1048588"
        ) from error
    except (KafkaError, OSError) as error:
        raise LogUnavailable(f"the event log in Kafka: {error!r}") from error
