"""Connections to Redis: as many as are needed, made anew when they are lost."""

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError, TimeoutError

_SOCKET_SECONDS = 5.0
_CONNECTIONS = 32
_RETRIES = 3


def connect(url: str) -> redis.asyncio.Redis:
    """A client that connects when it is used; `url` as redis://:password@host:6379/0."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_SOCKET_SECONDS,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        socket_keepalive=True,
        # after a restart of Redis every pooled connection is dead once; each step may be repeated
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES),
        retry_on_error=[ConnectionError, TimeoutError],
        decode_responses=True,
    )
    return redis.asyncio.Redis.from_pool(pool)
