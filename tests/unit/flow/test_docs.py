"""The snippets of docs/flows-in-python.md, run top to bottom as one program, print what stands below them."""

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.paths import ROOT

PAGE = ROOT / "docs" / "flows-in-python.md"
_SNIPPET = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def snippets() -> list[tuple[str, str]]:
    """Each snippet, at its line of the page so that a failure points there, and what it prints."""
    text = PAGE.read_text()
    return [
        ("\n" * text.count("\n", 0, match.start(1)) + match[1], match[2] or "")
        for match in _SNIPPET.finditer(text)
    ]


@pytest.fixture
def quiet_logger() -> Iterator[None]:
    """Puts the logger that the page sets up back into its old state."""
    logger = logging.getLogger("agent_runtime.flow")
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.usefixtures("quiet_logger")
def test_the_snippets_print_what_the_page_says() -> None:
    program: dict[str, Any] = {"__name__": "flow_page"}
    for code, expected in snippets():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(PAGE), "exec"), program)
        assert comparable(printed.getvalue()) == comparable(expected)


def test_all_code_of_the_page_is_found() -> None:
    assert len(snippets()) == PAGE.read_text().count("```python")
    assert sum(bool(expected) for _, expected in snippets()) == PAGE.read_text().count("```text")


def comparable(printed: str) -> str:
    """Without what differs from run to run: seconds, and the addresses of nodes."""
    return re.sub(r"<(?:\w+\.)?(\w+) object at 0x\w+>", r"<\1>", re.sub(r"\d+\.\d{3}", "0.000", printed))
