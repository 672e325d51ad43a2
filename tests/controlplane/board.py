"""The server of a Blackboard as a process beside the API server, with the config and key of its pod."""

import base64
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.client.client import HttpBoard
from tests.controlplane.api import Api, Object, until


class BoardProcess:
    """It runs while this is entered; what it stores is in a file and outlives it."""

    def __init__(self, api: Api, name: str, port: int, folder: Path) -> None:
        self._api = api
        self._name = f"{name}-blackboard"
        self._port = port
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it is ready."""
        config = json.loads(self._there("ConfigMap")["data"]["config.json"])
        config |= {"store": "sqlite", "urlEnv": "BOARD_URL"}
        file = self._folder / "board.json"
        file.write_text(json.dumps(config))
        environ = {
            **os.environ,
            "COVEY_BLACKBOARD_KEY": self._secret("key"),
            "BOARD_URL": f"sqlite:///{self._folder / 'board.sqlite'}",
        }
        command = [sys.executable, "-m", "agent_runtime", "blackboard", "--config", str(file)]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        with (self._folder / "board.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environ, stdout=log, stderr=subprocess.STDOUT)
        until("the blackboard answers", self._answers)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    async def publish(self, type_: str, *payloads: Object) -> None:
        """As somebody with the token for people."""
        async with HttpBoard(f"http://127.0.0.1:{self._port}", self._secret("token")) as board:
            await board.publish([Draft(type=type_, payload=payload) for payload in payloads])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _there(self, kind: str) -> Object:
        return until(f"the board's {kind}", lambda: self._api.get(kind, self._name))

    def _secret(self, key: str) -> str:
        return base64.b64decode(self._there("Secret")["data"][key]).decode()
