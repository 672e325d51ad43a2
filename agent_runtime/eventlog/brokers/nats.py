"""An event log in two streams of NATS JetStream: `covey_NAMESPACE_BOARD_artifacts` and `..._events`.

A record of an artifact says which sequence number it must get: of several servers that append at once one
wins, and the others look again. So no artifact stands twice, and none is left out.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, Header, StorageType
from nats.js.errors import APIError, NotFoundError

from agent_runtime.eventlog.brokers.port import LogUnavailable, Track

_SECONDS = 5.0
_PAGE = 500
_ROOM = 4096
"""Bytes of a message that its headers may take."""
_NAME_IN_USE = 10058
_OTHERS_CAME_FIRST = 10071
"""The server's word for a sequence number that is not the next."""
_TRACKS: tuple[Track, ...] = ("artifacts", "events")


class NatsLog:
    """See `brokers.port.EventLog`."""

    def __init__(self, url: str, board: str) -> None:
        """`url` as nats://user:password@host:4222, nats://token@host or tls://...

        `board` as `namespace/name`.
        """
        self._url = url
        # a dot would divide a subject, and names of Kubernetes have no underscore
        self._place = board.replace(".", "_").split("/")
        self._client = Client()
        self._js: JetStreamContext | None = None
        self._opening = asyncio.Lock()
        self._made = False
        """Whether the streams are there, as far as known."""
        self._sequence = 0
        """Of the newest artifact's record, as `last` saw it."""
        self.largest = 0

    async def open(self, *, to_write: bool = True) -> None:
        with _unavailable():
            async with self._opening:
                await self._open(to_write)

    async def _open(self, to_write: bool) -> None:
        if self._js is None:
            async with asyncio.timeout(_SECONDS):
                self._client = await nats.connect(
                    self._url,
                    connect_timeout=int(_SECONDS),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,
                    error_cb=_quiet,
                )
            self.largest = self._client.max_payload - _ROOM
            self._js = self._client.jetstream(timeout=_SECONDS)
        if to_write and not self._made:
            for track in _TRACKS:
                await self._make(track)
            self._made = True

    async def _make(self, track: Track) -> None:
        js = self._context()
        try:
            await js.stream_info(self._stream(track))
            return
        except NotFoundError:
            pass
        try:
            await js.add_stream(
                name=self._stream(track), subjects=[self._subject(track)], storage=StorageType.FILE
            )
        except APIError as error:
            if error.err_code != _NAME_IN_USE:  # else another server has just made it
                raise

    async def close(self) -> None:
        if self._js is not None:
            self._js = None
            with suppress(NatsError, OSError, TimeoutError):
                await self._client.close()

    async def last(self, track: Track) -> bytes | None:
        with _unavailable():
            js = self._context()
            info = await js.stream_info(self._stream(track))
            sequence = info.state.last_seq
            if track == "artifacts":
                self._sequence = sequence
            if info.state.messages == 0:
                return None
            message = await js.get_msg(self._stream(track), seq=sequence)
        return message.data or b""

    async def append_artifacts(self, records: Sequence[tuple[int, bytes]]) -> None:
        await self._publish(
            "artifacts",
            [
                (record, {Header.EXPECTED_LAST_SEQUENCE.value: str(self._sequence + at)})
                for at, (_, record) in enumerate(records)
            ],
        )

    async def append_events(self, records: Sequence[bytes], instance: str, first: int) -> None:
        # the server drops what it has seen within the last two minutes
        await self._publish(
            "events",
            [
                (record, {Header.MSG_ID.value: f"{instance}/{at}"})
                for at, record in enumerate(records, start=first)
            ],
        )

    async def _publish(self, track: Track, messages: Sequence[tuple[bytes, dict[str, str]]]) -> None:
        """All at once: they go out in order on one connection, and are answered as they are stored."""
        js, subject = self._context(), self._subject(track)
        with _unavailable():
            answers = await asyncio.gather(
                *(
                    js.publish(subject, record, timeout=_SECONDS, headers=headers)
                    for record, headers in messages
                ),
                return_exceptions=True,
            )
            for answer in answers:
                if isinstance(answer, BaseException) and not _lost_the_race(answer):
                    self._made = False  # somebody may have deleted them
                    raise answer

    async def read(self, track: Track) -> AsyncIterator[tuple[str, bytes]]:
        js = self._context()
        with _unavailable():
            state = (await js.stream_info(self._stream(track))).state
            if state.messages == 0:
                return
            reader = await js.pull_subscribe(
                self._subject(track),
                stream=self._stream(track),
                config=ConsumerConfig(ack_policy=AckPolicy.NONE),
            )
        sequence = 0
        try:
            while sequence < state.last_seq:
                with _unavailable():
                    messages = await reader.fetch(_PAGE, timeout=_SECONDS)
                for message in messages:
                    sequence = message.metadata.sequence.stream
                    if sequence <= state.last_seq:
                        yield f"{track} {sequence}", message.data
        finally:
            with suppress(NatsError, OSError):
                await reader.unsubscribe()

    def _context(self) -> JetStreamContext:
        # while it connects again the client would put off what it is given, and send it when it is too late
        if self._js is None or not self._client.is_connected:
            raise LogUnavailable("the event log in NATS: there is no connection")
        return self._js

    def _stream(self, track: Track) -> str:
        return "_".join(["covey", *self._place, track])

    def _subject(self, track: Track) -> str:
        return ".".join(["covey", *self._place, track])


def _lost_the_race(error: BaseException) -> bool:
    return isinstance(error, APIError) and error.err_code == _OTHERS_CAME_FIRST


async def _quiet(error: Exception) -> None:
    """The client's own account of each attempt to connect again; whoever uses the log tells it once."""


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, NatsTimeout) as error:
        raise LogUnavailable(f"the event log in NATS does not answer within {_SECONDS:g} s") from error
    except (NatsError, OSError) as error:
        raise LogUnavailable(f"the event log in NATS: {error}") from error
