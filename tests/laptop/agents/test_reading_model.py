"""The examples on a real model's wire, played by one that knows only what it is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.laptop.conftest import Covey, example
from tests.reading_model import answer_to


class _Provider(BaseHTTPRequestHandler):
    """Chat completions from the system message alone, and embeddings that are all alike."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = self._embeddings(request) if self.path.endswith("/embeddings") else self._answer(request)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        told = "\n".join(m["content"] for m in request["messages"] if m["role"] == "system")
        message = {"role": "assistant", "content": answer_to(told)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        head = {"id": "1", "object": "chat.completion", "created": 1, "model": request["model"]}
        return {**head, "choices": [choice], "usage": usage}

    def _embeddings(self, request: dict[str, Any]) -> dict[str, Any]:
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        data = [{"object": "embedding", "index": n, "embedding": [1.0, 0.0]} for n, _ in enumerate(texts)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return {"object": "list", "data": data, "model": request["model"], "usage": usage}

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


@contextmanager
def provider(covey: Covey) -> Iterator[None]:
    """`covey up --real-model` finds it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        covey.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{server.server_address[1]}/v1"
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_newsroom(covey: Covey, tmp_path: Path) -> None:
    folder = example("newsroom", tmp_path)
    job = ["--publish", f"Assignment=@{folder}/assignment.json", "--until", "Report", "--save", "report.md"]
    with provider(covey):
        done = covey("up", folder, *job, "--timeout", "110s", "--real-model")
    assert "failed" not in done.stderr
    for type_ in ("Dossier", "Claim", "Analysis", "Report"):
        assert f"published {type_} " in done.stderr


def test_the_presses(covey: Covey, tmp_path: Path) -> None:
    folder = example("presses", tmp_path)
    tip = json.dumps({"text": "the tram in the town is late", "place": "town"})
    job = [f"--publish=Tip={tip}"] * 3
    with provider(covey):
        done = covey("up", folder, *job, "--until", "Edition", "--timeout", "110s", "--real-model")
    assert "failed" not in done.stderr
    for type_ in ("Story", "Picture", "Page", "Edition"):
        assert f"published {type_} " in done.stderr


def test_agents_that_are_asked(covey: Covey, tmp_path: Path) -> None:
    with provider(covey):
        for name, flow in (("hello", "greet"), ("newsletter", "")):
            folder = example(name, tmp_path)
            with covey.up(folder, "--real-model"):
                if flow:
                    assert "I READ" in covey("run", flow, "-p", "loud=true").stdout.upper()
                else:
                    assert "I read" in covey("chat", "writer", "One sentence about bees.").stdout
