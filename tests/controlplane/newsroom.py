"""A blackboard with its server, an agent on it, and tokens for pods of the agent that nobody runs."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from urllib.error import URLError
from urllib.request import urlopen

from agent_runtime.auth.issuer import Issuer
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.client.client import HttpBoard
from hack.cluster.control_plane.control_plane import free_ports
from tests.controlplane import manifests as make
from tests.controlplane.api import DEADLINE, Api, Object, until
from tests.controlplane.board import BoardProcess

SCOUT = make.agent(
    "scout",
    blackboard={"name": "newsroom", "labels": ["desk"], "consumes": [{"types": ["Idea"]}]},
    publishes=[{"type": "Note"}],
    output={"type": "Note"},
)
TYPES = [{"name": name, "schema": {"type": "object"}} for name in ("Idea", "Note")]


class Newsroom:
    """A blackboard with its server, an agent on it, and pods that nobody runs."""

    def __init__(self, api: Api, board: BoardProcess, port: int) -> None:
        self.api = api
        self.board = board
        self.url = f"http://127.0.0.1:{port}"
        self.grant = self._secret("scout-agent", "blackboard-token")
        self.people = self._secret("newsroom-blackboard", "token")
        self.template: Object = api.there("Deployment", "scout-agent")["spec"]["template"]

    @property
    def projected(self) -> Object:
        """What the kubelet would be asked to put into the agent's pods."""
        (volume,) = [each for each in self.template["spec"]["volumes"] if "projected" in each]
        (source,) = volume["projected"]["sources"]
        found: Object = source["serviceAccountToken"]
        return found

    def pod(self, account: str) -> Object:
        """A pod as the agent's are, but of that service account."""
        spec = {**self.template["spec"], "serviceAccountName": account}
        pod = {"metadata": {"name": f"{account}-{os.urandom(3).hex()}"}, "spec": spec}
        return self.api.request("POST", f"/api/v1/namespaces/{self.api.namespace}/pods", pod)

    def token(self, account: str = "scout-agent", audience: str = "", *, bound: bool = True) -> str:
        """What the kubelet would get for a new pod of the account; unless told, for this board."""
        spec: Object = {"expirationSeconds": self.projected["expirationSeconds"]}
        spec["audiences"] = [audience or self.projected["audience"]]
        if bound:
            pod = self.pod(account)["metadata"]
            spec["boundObjectRef"] = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": pod["name"],
                "uid": pod["uid"],
            }
        path = f"/api/v1/namespaces/{self.api.namespace}/serviceaccounts/{account}/token"
        granted = self.api.request("POST", path, {"spec": spec})
        return str(granted["status"]["token"])

    def known_issuer(self) -> Issuer:
        """As the board's server was told."""
        config = json.loads(self.api.there("ConfigMap", "newsroom-blackboard")["data"]["config.json"])
        return Issuer(**config["issuer"])

    @property
    def rollouts(self) -> int:
        """How often the board's servers were told to change."""
        return int(self.api.there("Deployment", "newsroom-blackboard")["metadata"]["generation"])

    async def notes(self, count: int) -> list[Artifact]:
        """What the agent has published, as soon as it is so much."""
        async with HttpBoard(self.url, self.people) as board:
            end = time() + DEADLINE
            while len(found := (await board.query(Query(type="Note"))).artifacts) < count:
                assert time() < end, f"the agent has published {len(found)} notes of {count}"
                await asyncio.sleep(0.2)
        return list(found)

    def _secret(self, name: str, key: str) -> str:
        return base64.b64decode(self.api.there("Secret", name)["data"][key]).decode()


async def publishes_as(newsroom: Newsroom, grant: str, proof: str | None) -> str:
    """The producer that the board sees. Raises BoardError."""

    def given() -> str:
        return proof or ""

    async with HttpBoard(newsroom.url, grant, proof=given if proof else None, attempts=1) as board:
        (artifact,) = await board.publish([Draft(type="Idea", payload={})])
    return artifact.producer


@contextmanager
def agent_process(config: Object, grant: str, folder: Path) -> Iterator[None]:
    """The process of the agent's pods; it runs, and is ready, while this is entered."""
    file = folder / "agent.json"
    file.write_text(json.dumps(config))
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "agent_runtime", "agent", "--config", str(file)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environ = {**os.environ, "COVEY_AGENT_TOKEN": "t", "COVEY_BLACKBOARD_TOKEN": grant}
    process = subprocess.Popen(command, env=environ)
    try:
        until("the agent is ready", lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        yield
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
