"""A real HTTP server that notes what it is asked, and answers as the test says."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """JSON, None when there was none."""

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return self.headers["idempotency-key"]


@dataclass(frozen=True)
class Says:
    """One answer."""

    body: Any = None
    """JSON; bytes are sent as they are."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Asked], Says]


class NotingServer:
    """`asked` holds every request, in the order in which they came."""

    def __init__(self, url: str, answer: Answer) -> None:
        self.url = url
        self.answer = answer
        self.asked: list[Asked] = []


@contextmanager
def noting_server(answer: Answer = lambda asked: Says({"path": asked.path})) -> Iterator[NotingServer]:
    """On a free port of this machine; each request in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, json.loads(content) if content else None)
            noting.asked.append(asked)
            says = noting.answer(asked)
            body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
            if says.body is None:
                body = b""
            self.send_response(says.status)
            for name, value in {"content-type": "application/json", **says.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """In silence."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client that was killed
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    noting = NotingServer(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield noting
    finally:
        server.shutdown()
        server.server_close()
