"""How stores reach a Redis: a bounded pool of connections that survives restarts of the server.

Each new connection asks for the server's version: an old Redis would refuse a command only in the middle of
something.
"""

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
    TimeoutError,
)

_CONNECTIONS = 32
_SOCKET_SECONDS = 5.0
_RETRIES = 3
OLDEST = (6, 2)
"""The tests run on this release. A Valkey says which Redis it is like."""


class TooOld(RedisError):
    """The server is older than any that Covey works with; the message says which."""


def connect(url: str, *, text: bool = False, patience: float = _SOCKET_SECONDS) -> redis.asyncio.Redis:
    """A client for redis://:password@host:6379/0. Connections are made when they are needed.

    Answers are bytes, or with `text` decoded; `patience`: how many seconds one may take. What it is asked
    may be repeated: after a restart of Redis every pooled connection is dead once.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_SOCKET_SECONDS,
        socket_timeout=patience,
        socket_connect_timeout=_SOCKET_SECONDS,
        socket_keepalive=True,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES),
        retry_on_error=[ConnectionError, TimeoutError],
        decode_responses=text,
        redis_connect_func=_greet,
    )
    return redis.asyncio.Redis.from_pool(pool)


def of_script(error: Exception) -> Exception:
    """What went wrong in a script: before 7.0 Redis wraps the error of a command of it in one of its own."""
    text = str(error)
    _, out_of_memory, why = text.partition(": -OOM ")
    if isinstance(error, ResponseError) and out_of_memory:
        return OutOfMemoryError(why)
    return error


async def _greet(connection: AbstractConnection) -> None:
    """What a connection says first. Raises TooOld."""
    await connection.on_connect()
    await connection.send_command("INFO", "server")
    try:
        told = await connection.read_response()
    except NoPermissionError:
        return  # its user may not ask; so it is at least a Redis 6, which has users
    check_version(told.decode() if isinstance(told, bytes) else str(told))


def check_version(info: str) -> None:
    """Raises TooOld for the answer of an old server to INFO; one that gives no version passes."""
    for line in info.splitlines():
        name, _, version = line.partition(":")
        if name == "redis_version":
            numbers = tuple(int(part) for part in version.strip().split(".")[:2] if part.isdecimal())
            if numbers < OLDEST and len(numbers) == len(OLDEST):
                oldest = ".".join(map(str, OLDEST))
                raise TooOld(
                    f"the server is Redis {version.strip()}, and Covey needs {oldest} or newer: "
                    "upgrade the server, or name another one in the store's URL"
                )
