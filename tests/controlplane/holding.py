"""An HTTP proxy between one operator and the API server, by which a test decides what comes first.

It holds back a write on its way there, so that somebody else is faster; its answer, so that the watch is; or
the events of a watch, so that the answer is. It can also answer in the API server's place.
"""

import base64
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import yaml

from hack.cluster.control_plane.control_plane import free_ports

_PASSED_ON = ("Accept", "Content-Type", "Authorization", "User-Agent")
DEADLINE = 120.0


class Held:
    """One request of those that are held back."""

    def __init__(self, method: str, path: re.Pattern[str], *, answer: bool) -> None:
        self._method, self._path, self._answer = method, path, answer
        self._there, self._on = threading.Event(), threading.Event()

    def concerns(self, method: str, path: str) -> bool:
        """The first one that fits is held, and no other."""
        return not self._there.is_set() and method == self._method and bool(self._path.search(path))

    def wait(self, *, answer: bool) -> None:
        """Called by the proxy on the way there and back."""
        if answer is self._answer:
            self._there.set()
            self._on.wait(DEADLINE)

    def arrived(self) -> None:
        """Returns when the request, or its answer, is held."""
        assert self._there.wait(DEADLINE), f"no {self._method} of {self._path.pattern}"

    def let_pass(self) -> None:
        """It goes on."""
        self._on.set()


@dataclass
class OwnAnswer:
    """What the proxy says itself to the next requests of a kind."""

    method: str
    path: re.Pattern[str]
    status: int
    body: bytes
    left: int
    given: int = 0


class HoldingProxy:
    """`kubeconfig` leads through it to the API server of the kubeconfig that it is made with."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._host, self._tls = urlsplit(cluster["server"]), _tls(cluster, user, folder)
        self._held: list[Held] = []
        self._own_answers: list[OwnAnswer] = []
        self._flows: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        (port,) = free_ports(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
        config["users"][0]["user"] = {}
        self.kubeconfig = folder / "through-the-proxy.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(config))

    @contextmanager
    def holding(self, method: str, path: str, *, answer: bool = False) -> Iterator[Held]:
        """The next request of `method` whose path `path` (a pattern) matches; passes on at the end."""
        held = Held(method, re.compile(path), answer=answer)
        with self._lock:
            self._held.append(held)
        try:
            yield held
        finally:
            held.let_pass()
            with self._lock:
                self._held.remove(held)

    def answer(self, method: str, path: str, body: bytes, *, status: int = 200, times: int = 1) -> OwnAnswer:
        """The next requests whose path `path` (a pattern) matches do not get to the API server."""
        own = OwnAnswer(method, re.compile(path), status, body, times)
        with self._lock:
            self._own_answers.append(own)
        return own

    @contextmanager
    def stalled(self, plural: str) -> Iterator[None]:
        """Meanwhile the watches of these resources deliver nothing; what has happened comes afterwards."""
        flow = self._flows[plural] = threading.Event()
        try:
            yield
        finally:
            del self._flows[plural]
            flow.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _which(self, method: str, path: str) -> Held | None:
        with self._lock:
            return next((each for each in self._held if each.concerns(method, path)), None)

    def _own_answer(self, method: str, path: str) -> OwnAnswer | None:
        with self._lock:
            for own in self._own_answers:
                if own.left and own.method == method and own.path.search(path):
                    own.left -= 1
                    own.given += 1
                    return own
        return None

    def _wait_for_turn(self, path: str) -> None:
        parts = urlsplit(path)
        flow = self._flows.get(parts.path.rpartition("/")[2])
        if flow is not None and "watch=true" in parts.query:
            flow.wait(DEADLINE)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with suppress(HTTPException, OSError):  # one of the two ends is gone
                    self._pass_on()
                self.close_connection = True

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                own = proxy._own_answer(self.command, self.path)
                if own is not None:
                    self._say(own)
                    return
                held = proxy._which(self.command, self.path)
                if held is not None:
                    held.wait(answer=False)
                with closing(proxy._connection()) as connection:
                    headers = {name: self.headers[name] for name in _PASSED_ON if self.headers.get(name)}
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    if held is not None:
                        held.wait(answer=True)
                    self._answer(answer)

            def _answer(self, answer: HTTPResponse) -> None:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Connection", "close")
                self.end_headers()
                while part := answer.read1(65536):
                    proxy._wait_for_turn(self.path)
                    self.wfile.write(part)
                    self.wfile.flush()

            def _say(self, own: OwnAnswer) -> None:
                self.send_response(own.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(own.body)

            def log_message(self, format: str, *args: object) -> None:
                """A test has a log of its own."""

        return Handler

    def _connection(self) -> HTTPConnection:
        assert self._host.hostname is not None
        return HTTPSConnection(self._host.hostname, self._host.port, context=self._tls, timeout=400)


def _tls(cluster: dict[str, str], user: dict[str, str], folder: Path) -> ssl.SSLContext:
    """Trusts the cluster, and is the user."""
    context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
    certificate, key = folder / "proxy.crt", folder / "proxy.key"
    certificate.write_text(_decoded(user["client-certificate-data"]))
    key.write_text(_decoded(user["client-key-data"]))
    context.load_cert_chain(certificate, key)
    return context


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
