"""Whatever answers in a server's place, a client of ours ends in its own error."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.cli.client import Client
from agent_runtime.config.models import AgentAccess
from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.durable.port import StoreError, Writer
from agent_runtime.embedding.endpoint import EndpointEmbedder
from agent_runtime.embedding.port import EmbeddingError
from agent_runtime.local.address import Address
from agent_runtime.local.errors import UserError
from agent_runtime.runs.clients.agents import HttpAgents
from agent_runtime.runs.errors import AgentFailed
from agent_runtime.runs.queue.client import HttpQueue

_HTML = {"Content-Type": "text/html; charset=utf-7"}
BODIES: list[tuple[int, bytes, dict[str, str]]] = [
    (200, b"<html>Please log in</html>", _HTML),
    (200, b"{", {}),
    (200, b"[]", {}),
    (200, b"null", {}),
    (200, b"7", {}),
    (200, b'"text"', {}),
    (200, b"{}", {}),
    (200, b'{"artifacts": 7, "deliveries": [7], "reply": 7, "data": 7, "runs": "x", "changes": [7]}', {}),
    (200, b'{"artifacts": [{}], "reply": null, "data": [{"index": 0, "embedding": ["a"]}]}', {}),
    (200, b'{"data": [{"index": 0, "embedding": [NaN]}]}', {}),
    (200, b"\xff\xfe\x00", {}),
    (200, b"[" * 3000, {}),
    (200, b"not gzip", {"Content-Encoding": "gzip"}),
    (200, b'{"reply": "\\ud83d", "artifacts": "\\ud83d"}', {}),
    (307, b"", {"Location": "http://192.0.2.1/elsewhere"}),
    (404, b'{"error": "no"}', {}),
    (404, b'{"error": {"code": 7, "message": null, "details": 7}}', {}),
    (409, b'{"error": {"code": "run_held", "message": "x", "details": [7]}}', {}),
    (418, b"\xff", _HTML),
    (502, b"Bad Gateway", {"Retry-After": "\xb2"}),
]


class _Odd(BaseHTTPRequestHandler):
    answer: tuple[int, bytes, dict[str, str]] = BODIES[0]

    def handle_any(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, body, headers = self.answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


@contextmanager
def _serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Odd)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with _serving() as url:
        yield url


async def _closing(client: Any, work: Callable[[Any], Awaitable[Any]]) -> None:
    try:
        await work(client)
    finally:
        await client.close()


def _plain() -> httpx2.AsyncClient:
    """Without certificates, which take their time to load."""
    return httpx2.AsyncClient(verify=False)


def _board(work: Callable[[HttpBoard], Awaitable[Any]]) -> Callable[[str], Awaitable[None]]:
    return lambda url: _closing(HttpBoard(url, "t", patience=0, client=_plain()), work)


def _store(work: Callable[[HttpRunStore], Awaitable[Any]]) -> Callable[[str], Awaitable[None]]:
    return lambda url: _closing(HttpRunStore(url, "t", patience=0, client=_plain()), work)


def _queue(work: Callable[[HttpQueue], Awaitable[Any]]) -> Callable[[str], Awaitable[None]]:
    return lambda url: _closing(HttpQueue(url, "t", patience=0, client=_plain()), work)


async def _records(store: HttpRunStore) -> list[Any]:
    return [one async for one in store.records("r", "p", 1)]


async def _ask(url: str) -> None:
    agents = HttpAgents({"ann": AgentAccess(url=url)}, {}, patience=0)
    await _closing(agents, lambda client: client("ann", "hi", "key"))


async def _embed(url: str) -> None:
    embedder = EndpointEmbedder("words", url, "m", None, 5)
    embedder._client.max_retries = 0
    await _closing(embedder, lambda client: client.embed(["one"]))


async def _command(url: str) -> None:
    client = Client(Address(url=url, token="t", folder="folder", pid=1))
    await asyncio.to_thread(client.get, "/v1/resources")
    await asyncio.to_thread(client.post, "/v1/apply", {})


WORK: dict[str, tuple[type[Exception], Callable[[str], Awaitable[None]]]] = {
    "publish": (BoardError, _board(lambda board: board.publish([Draft(type="A", payload={}, id="a")]))),
    "query": (BoardError, _board(lambda board: board.query(Query()))),
    "lease": (BoardError, _board(lambda board: board.lease(1, 0))),
    "unsubscribe": (BoardError, _board(lambda board: board.unsubscribe())),
    "stats": (
        BoardError,
        lambda url: _closing(BoardAdmin(url, "t", patience=0, client=_plain()), lambda one: one.stats()),
    ),
    "letters": (
        BoardError,
        lambda url: _closing(
            BoardAdmin(url, "t", patience=0, client=_plain()), lambda one: one.dead_letters()
        ),
    ),
    "acquire": (StoreError, _store(lambda store: store.acquire("r", "h", 1))),
    "renew": (StoreError, _store(lambda store: store.renew(Writer("r", "h", 1), 1))),
    "latest": (StoreError, _store(lambda store: store.latest("r"))),
    "history": (StoreError, _store(lambda store: store.history("r"))),
    "runs": (StoreError, _store(lambda store: store.runs())),
    "records": (StoreError, _store(_records)),
    "submit": (StoreError, _queue(lambda queue: queue.submit("r", "q", b"{}"))),
    "take": (StoreError, _queue(lambda queue: queue.take("q", "h", 1))),
    "changes": (StoreError, _queue(lambda queue: queue.changes(0, 1))),
    "ask": (AgentFailed, _ask),
    "embed": (EmbeddingError, _embed),
    "command": (UserError, _command),
}
_NEED_NO_ANSWER = {"renew", "command"}
"""Any success, or any object, is an answer."""


@pytest.mark.parametrize("answer", BODIES, ids=[str(number) for number in range(len(BODIES))])
@pytest.mark.parametrize("name", WORK)
async def test_an_odd_answer_is_the_clients_own_error(
    url: str, name: str, answer: tuple[int, bytes, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Odd, "answer", answer)
    error, work = WORK[name]
    try:
        await work(url)
    except error as raised:
        str(raised).encode()
    else:
        assert name in _NEED_NO_ANSWER or answer[0] == 200, "it took a refusal for an answer"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["artifacts", "deliveries", "error", "reply", "data", "code", "id", "type"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from([200, 204, 400, 404, 409, 500]),
    value=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20),
    name=st.sampled_from(["publish", "lease", "acquire", "take", "ask", "runs"]),
)
async def test_any_answer_is_read_or_refused(url: str, status: int, value: bytes, name: str) -> None:
    _Odd.answer = (status, b"" if status == 204 else value, {})
    error, work = WORK[name]
    try:
        await work(url)
    except error as raised:
        str(raised).encode()
