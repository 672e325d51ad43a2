"""The event log that a URL names."""

from agent_runtime.eventlog.brokers.port import EventLog

MAX_LENGTH = 1_000_000
"""Entries that a Redis stream keeps when nothing is said."""
SCHEMES = "nats://, tls://, kafka://, kafkas://, redis:// or rediss://"


def make_log(url: str, board: str, max_length: int = MAX_LENGTH) -> EventLog:
    """Not opened yet; `board` as `namespace/name`. Raises ValueError for a URL of another kind."""
    # each client is imported when it is wanted: who has no event log does not pay for one
    match url.partition("://")[0]:
        case "nats" | "tls":
            from agent_runtime.eventlog.brokers.nats import NatsLog

            return NatsLog(url, board)
        case "kafka" | "kafkas":
            from agent_runtime.eventlog.brokers.kafka import KafkaLog

            return KafkaLog(url, board)
        case "redis" | "rediss":
            from agent_runtime.eventlog.brokers.redis_streams import RedisStreams

            return RedisStreams(url, board, max_length)
        case scheme:
            # without the rest: it may hold a password
            raise ValueError(f"an event log is at {SCHEMES}HOST..., got {scheme}:...")
