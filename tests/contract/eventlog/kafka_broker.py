"""A Kafka of one node, broker and controller in one process, without ZooKeeper."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.servers import free_port
from tests.jars import java
from tests.servers import MissingProgram, find

USER, PASSWORD = "covey", "s3cret"
"""Of the listener that asks who is there. Whoever comes by the other one may do everything."""
_START_SECONDS = 120.0
_JAVA = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class KafkaBroker:
    """A Kafka with a folder, which can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        """Raises MissingProgram with the cure."""
        jars, program = find("kafka"), java()
        if jars is None or program is None:
            raise MissingProgram(
                "Kafka is not installed, and these tests run against the real one. "
                "Install Java 17 and Maven, then run: python -m tests.servers"
            )
        self._java = [str(program), *_JAVA, "-cp", f"{jars}/*"]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port, guarded, controller = free_port(), free_port(), free_port()
        self.url = f"kafka://127.0.0.1:{self.port}"
        self.guarded_url = f"kafka://{USER}:{PASSWORD}@127.0.0.1:{guarded}"
        """As `USER`, who may do what the broker's access lists say."""
        self._config = folder / "server.properties"
        self._config.write_text(_properties(folder / "data", self.port, guarded, controller))
        with (folder / "log").open("ab") as log:
            subprocess.run(
                [
                    *(*self._java, "kafka.tools.StorageTool", "format"),
                    *("--cluster-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--config", str(self._config)),
                ],
                stdout=log,
                stderr=log,
                check=True,
            )

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._config)], cwd=self._folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self._folder / "log").read_text()[-2000:]
                raise RuntimeError(f"Kafka did not start on port {self.port}:\n{text}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(timeout=_START_SECONDS)


def _properties(data: Path, port: int, guarded: int, controller: int) -> str:
    jaas = "org.apache.kafka.common.security.plain.PlainLoginModule"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"OPEN://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{controller}",
        "listener.security.protocol.map": "OPEN:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "OPEN",
        "controller.listener.names": "CONTROLLER",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config": f'{jaas} required user_{USER}="{PASSWORD}";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "log.dirs": str(data),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


@contextmanager
def running_kafka(folder: Path) -> Iterator[KafkaBroker]:
    """A Kafka for the duration of the block."""
    broker = KafkaBroker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
