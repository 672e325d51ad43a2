"""The newsroom writes a report from a folder of files: the command that `make demo` runs."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.laptop.conftest import Covey, example


@pytest.fixture
def newsroom(tmp_path: Path) -> Path:
    return example("newsroom", tmp_path)


def arguments(newsroom: Path, *more: str | Path) -> list[str | Path]:
    job = ["--publish", f"Assignment=@{newsroom}/assignment.json", "--until", "Report", "--timeout", "110s"]
    return ["up", newsroom, *job, "--save", "report.md", *more]


def test_the_shipped_files(covey: Covey, newsroom: Path) -> None:
    done = covey(*arguments(newsroom))
    report = (covey.home / "report.md").read_text()
    assert done.stdout == report, "standard output is the report and nothing else"
    assert report.startswith("# Harbour Line: 41.5 million or 58 million crowns?\n")
    assert "— *engineer-memo.txt:11*" in report
    assert "Mirela Kovac" in report
    for count, type_ in ((1, "Assignment"), (1, "Dossier"), (12, "Claim"), (12, "Verdict"), (1, "Report")):
        assert done.stderr.count(f"published {type_} ") == count
    assert "the way to Report: researcher -> analyst -> editor" in done.stderr
    assert "Report written to report.md\nTry next:\n" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "no control characters where there is no terminal"
    assert _quotes_that_stand_in_their_files(report, newsroom / "input") > 5


def _quotes_that_stand_in_their_files(report: str, folder: Path) -> int:
    """How many lines of direct speech there are; each must stand where the report says."""
    checked = 0
    for line in report.splitlines():
        if line.startswith('- "') and line.endswith("*"):
            said, source = line.removeprefix("- ").removesuffix("*").rsplit(" — *", 1)
            name, number = source.split(":")
            assert (folder / name).read_text().splitlines()[int(number) - 1] == said
            checked += 1
    return checked


def test_other_files_give_another_report(covey: Covey, newsroom: Path, tmp_path: Path) -> None:
    other = tmp_path / "lighthouse"
    other.mkdir()
    (other / "keeper.txt").write_text(
        "The lamp of Gull Rock burns 240 litres of oil in a winter, says Anders Holm.\n"
        '"Nobody counts the oil but me," said Anders Holm.\n'
    )
    (other / "ledger.md").write_text("# Ledger\n\nThe winter at Gull Rock was paid with 310 litres of oil.\n")
    covey(*arguments(newsroom, "--input", other))
    report = (covey.home / "report.md").read_text()
    assert '"Nobody counts the oil but me," said Anders Holm. — *keeper.txt:2*' in report
    assert "**240 litres**" in report
    assert "**310 litres**" in report
    assert "Harbour Line" not in report
    assert "crowns" not in report


def _binary(folder: Path) -> None:
    (folder / "picture.png").write_bytes(b"\x89PNG\x00\x00")


def _locked(folder: Path) -> None:
    (folder / "secret.txt").write_text("nothing to see")
    (folder / "secret.txt").chmod(0)


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        pytest.param(lambda folder: None, "has no text files: put some there", id="empty"),
        pytest.param(
            _binary, "has no text files (skipped: picture.png: not text): put some there", id="binary"
        ),
        pytest.param(
            _locked,
            "has no text files (skipped: secret.txt: unreadable (permission denied)): put some there",
            id="unreadable",
        ),
    ],
)
def test_a_folder_without_text(
    covey: Covey, newsroom: Path, tmp_path: Path, fill: Callable[[Path], None], reason: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    fill(folder)
    done = covey(*arguments(newsroom, "--input", folder), status=1)
    assert "error: there will be no Report\nagent researcher failed: " in done.stderr
    assert f"the input folder {folder} (from --input) {reason}" in done.stderr
    assert not (covey.home / "report.md").exists()


class _FakeProvider(BaseHTTPRequestHandler):
    """Answers every chat completion with one text, and notes what it was asked."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append({"path": self.path, "key": self.headers["authorization"], **request})
        message = {"role": "assistant", "content": "I am real."}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        head = {"id": "1", "object": "chat.completion", "created": 1, "model": request["model"]}
        body = json.dumps({**head, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.mark.parametrize(
    ("named", "model"),
    [(["--model-name", "large-1"], "large-1"), ([], "gpt-5-mini")],
    ids=["named", "default"],
)
def test_the_same_manifests_on_a_real_model(covey: Covey, hello: Path, named: list[str], model: str) -> None:
    _FakeProvider.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _FakeProvider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        with covey.up(hello, "--real-model", *named, OPENAI_BASE_URL=url, OPENAI_API_KEY="key-1"):
            assert covey("chat", "polly", "Are you real?").stdout == "I am real.\n"
        server.shutdown()
    (asked,) = _FakeProvider.asked
    assert (asked["path"], asked["key"], asked["model"]) == (
        "/v1/chat/completions",
        "Bearer key-1",
        model,
    )
    assert asked["messages"][-1]["content"] == "Are you real?"


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (["--publish", "Assignment={}"], 2, '/1/payload: "question" is a required property'),
        (["--publish", "Order={}"], 2, "no Blackboard has the type Assignment and Order"),
        (["--until", "Repot"], 2, "--until Repot: Blackboard newsroom has no such type"),
        (["--until", "Verdict", "--timeout", "1ms"], 1, "no Verdict within 0.001s"),
        (["--input", "nowhere"], 2, "--input nowhere cannot be read: no such file or directory"),
        (["--real-model"], 2, "--real-model needs OPENAI_API_KEY or OPENAI_BASE_URL"),
    ],
)
def test_a_job_that_cannot_be_done(
    covey: Covey, newsroom: Path, given: list[str], status: int, told: str
) -> None:
    assert told in covey(*arguments(newsroom, *given), status=status).stderr
