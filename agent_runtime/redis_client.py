"""How stores reach a Redis: a bounded pool of connections that survives restarts of the server."""

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, TimeoutError

_CONNECTIONS = 32
_SOCKET_SECONDS = 5.0
_RETRIES = 3


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
    )
    return redis.asyncio.Redis.from_pool(pool)
