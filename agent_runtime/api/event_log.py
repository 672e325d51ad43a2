"""Where a record is kept of all that happens on a blackboard."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from agent_runtime.api.base import Model, Rule, exactly_one_of
from agent_runtime.api.databases import UrlSource


class NatsEventLog(Model):
    """Two streams of NATS JetStream, which the server makes if they are not there."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("url", "urlFrom"),)

    url: Annotated[str, StringConstraints(pattern=r"^(nats|tls)://[^@/]+$", max_length=512)] | None = None
    """Its URL when it asks for no password, such as nats://nats:4222."""
    url_from: UrlSource | None = None
    """Its URL with a user and a password, or a token, such as nats://user:password@nats:4222."""


class KafkaEventLog(Model):
    """Two topics of Kafka, which the server makes if it may; partition 0 of each is used."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("url", "urlFrom"),)

    url: Annotated[str, StringConstraints(pattern=r"^kafkas?://[^@/]+$", max_length=512)] | None = None
    """Its brokers when they ask for no password, such as kafka://kafka-0:9092,kafka-1:9092. TLS: kafkas://."""
    url_from: UrlSource | None = None
    """Its brokers with a user and a password (SASL PLAIN), such as kafkas://user:password@kafka:9093."""


class RedisEventLog(Model):
    """Two streams of a Redis: the store's, when nothing else is said."""

    url_from: UrlSource | None = None
    """The URL of another Redis, such as redis://:password@host:6379/0."""
    max_length: Annotated[int, Field(ge=1000, le=1000000000)] = 1000000
    """About how many entries each stream keeps: the newest."""


class EventLog(Model):
    """A record of every publication, delivery, acknowledgement and denial, to rebuild the board from."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("nats", "kafka", "redis"),)

    nats: NatsEventLog | None = None
    """NATS JetStream."""
    kafka: KafkaEventLog | None = None
    """Kafka."""
    redis: RedisEventLog | None = None
    """Redis streams."""

    @property
    def chosen(self) -> tuple[str, NatsEventLog | KafkaEventLog | RedisEventLog]:
        """The field, below `spec`, and what it says."""
        if self.nats is not None:
            return "eventLog.nats", self.nats
        if self.kafka is not None:
            return "eventLog.kafka", self.kafka
        assert self.redis is not None  # exactly one is there
        return "eventLog.redis", self.redis
