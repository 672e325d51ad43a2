"""URLs of event logs."""

import subprocess
import sys

import pytest

from agent_runtime.eventlog.brokers.kafka import connection_of
from agent_runtime.eventlog.brokers.open import make_log


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("nats://localhost:4222", "NatsLog"),
        ("tls://user:password@localhost:4222", "NatsLog"),
        ("kafka://localhost:9092", "KafkaLog"),
        ("kafkas://localhost:9092", "KafkaLog"),
        ("redis://localhost:6379/0", "RedisStreams"),
        ("rediss://localhost:6379/0", "RedisStreams"),
    ],
)
def test_the_url_says_which_log_it_is(url: str, kind: str) -> None:
    assert type(make_log(url, "news/board")).__name__ == kind


def test_another_url_is_refused_without_showing_what_it_holds() -> None:
    with pytest.raises(ValueError, match=r"got postgresql:\.\.\.") as refused:
        make_log("postgresql://user:secret@host/db", "news/board")
    assert "secret" not in str(refused.value)


def test_a_url_of_kafka_names_brokers_credentials_and_encryption() -> None:
    plain = connection_of("kafka://one:9092,two:9092")
    assert (plain["bootstrap_servers"], plain["security_protocol"]) == (["one:9092", "two:9092"], "PLAINTEXT")
    full = connection_of("kafkas://covey:p%40ss@one:9093")
    assert full["security_protocol"] == "SASL_SSL"
    assert (full["sasl_plain_username"], full["sasl_plain_password"]) == ("covey", "p@ss")
    assert "ssl_context" in full


def test_a_server_without_an_event_log_does_not_load_its_clients() -> None:
    program = (
        "import sys, agent_runtime.processes.blackboard; "
        "print([name for name in ('nats', 'aiokafka') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
