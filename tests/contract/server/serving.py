"""The blackboard's server on a free port, and those who call it."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.processes.blackboard import serve
from agent_runtime.telemetry import traces
from tests.contract.boards import ADMIN, SCOUT

KEY = "k" * 64
_boards = itertools.count(1)

MANIFEST: dict[str, Any] = {
    "namespace": "news",
    "store": "memory",
    "types": [
        {"name": "Finding", "schema": {"type": "object", "required": ["title"]}},
        {"name": "Report", "schema": {"type": "object"}},
    ],
    "limits": {"maxPayload": 2000, "pending": 3},
    "lease": {"ttl": "30s", "maxDeliveries": 2},
}
GOOD: dict[str, Any] = {"type": "Finding", "payload": {"title": "a"}}


@dataclass(frozen=True)
class Place:
    """Where a server keeps its artifacts."""

    store: str = "memory"
    url: str = ""

    @property
    def environ(self) -> Mapping[str, str]:
        """Of a server."""
        return {"COVEY_BLACKBOARD_KEY": KEY, "COVEY_STORE_URL": self.url}

    def config(self, **changes: Any) -> BlackboardConfig:
        """Of a board that nobody else has; `changes` to its manifest's parts."""
        manifest = MANIFEST | {"name": f"board-{next(_boards)}", "store": self.store}
        if self.store != "memory":
            manifest["urlEnv"] = "COVEY_STORE_URL"
        for name, change in changes.items():
            both = isinstance(change, dict) and isinstance(manifest.get(name), dict)
            manifest[name] = manifest[name] | change if both else change
        return BlackboardConfig.model_validate(manifest)


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    config: BlackboardConfig
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def audience(self) -> str:
        """Whom tokens for it are for."""
        return f"blackboard/{self.config.namespace}/{self.config.name}"

    def token(self, identity: Identity) -> str:
        """The identity's token."""
        return mint(KEY, identity, self.audience)

    def board(self, identity: Identity, **options: Any) -> HttpBoard:
        """The board for an identity."""
        return HttpBoard(self.url, self.token(identity), trace=traces.outgoing_headers, **options)

    def admin(self) -> BoardAdmin:
        """The board for its keeper."""
        return BoardAdmin(self.url, self.token(ADMIN))

    async def call(
        self, method: str, path: str, identity: Identity = SCOUT, **options: Any
    ) -> httpx2.Response:
        """One bare request."""
        headers = {"authorization": f"Bearer {self.token(identity)}"} | options.pop("headers", {})
        # it reads no certificates: that takes longer than the request
        async with httpx2.AsyncClient(timeout=60, verify=False) as client:
            return await client.request(method, self.url + path, headers=headers, **options)


@contextlib.asynccontextmanager
async def serving(place: Place, **changes: Any) -> AsyncIterator[Server]:
    """The socket is open from the start, so that the first request waits until the server is up."""
    config = place.config(**changes)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = Server(f"http://127.0.0.1:{sock.getsockname()[1]}", config)
        task = asyncio.create_task(serve(config, place.environ, sock=sock, stop=server.stop, drain_seconds=0))
        try:
            yield server
        finally:
            server.stop.set()
            await task


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    """(status, code) of a refusal, which has the one shape that all have."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details", "traceId"}
    assert all(set(detail) == {"pointer", "message"} for detail in error["details"])
    assert error["message"]
    assert len(error["traceId"]) == 32
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return answer.status_code, error["code"]
