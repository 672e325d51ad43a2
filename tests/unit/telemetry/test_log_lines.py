"""Lines of logs: whatever they hold, they are JSON, and logging never fails."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from agent_runtime.local.log_file import log_to
from agent_runtime.telemetry.log_lines import log_line
from covey_operator.telemetry.logs import configure as configure_operator

ODD = {
    "half": "a\ud83db",
    "nul": "a\0b",
    "large": 2**80,
    "text": "\x1b[2J\x9b1m\u202e\u2028\r\nerror: forged",
    "inner": {("not", "text"): 1, "half\ud83d": [b"\xff", object]},
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("key", ODD)
def test_a_line_is_json_whatever_it_holds(key: str) -> None:
    line = log_line({"event": "x", key: ODD[key]})
    assert line.isprintable()
    assert json.loads(line)["event"] == "x"


def test_a_line_of_the_laptop_with_odd_texts_is_written(tmp_path: Path) -> None:
    path = log_to(tmp_path)
    structlog.get_logger().warning("of ours", **ODD)
    logging.getLogger("library").warning("half \ud83d of theirs")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["event"].split()[0] for line in lines] == ["of", "half"]


def test_a_line_of_the_operator_with_odd_texts_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_operator("info", environment="test", namespace="covey")
    structlog.get_logger("x").warning("of ours", **ODD)
    logging.getLogger("library").warning("half \ud83d of theirs")
    said = capsys.readouterr()
    assert [json.loads(line)["event"].split()[0] for line in said.out.splitlines()] == ["of", "half"]
    assert "Logging error" not in said.err
