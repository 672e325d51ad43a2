"""The page and the example run, and print what the page says."""

import contextlib
import io
import re
import subprocess
import sys
from typing import Any

from structlog.testing import capture_logs

from tests.paths import ROOT

PAGE = ROOT / "docs" / "blackboard-in-python.md"
_SNIPPET = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def test_the_snippets_print_what_the_page_says() -> None:
    text = PAGE.read_text()
    program: dict[str, Any] = {"__name__": "board_page"}
    ran = 0
    for match in _SNIPPET.finditer(text):
        code = "\n" * text.count("\n", 0, match.start(1)) + match[1]  # so that a failure points into the page
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), capture_logs():
            exec(compile(code, str(PAGE), "exec"), program)
        assert printed.getvalue() == (match[2] or "")
        ran += 1
    assert ran == text.count("```python")


def test_the_example_prints_a_tagline() -> None:
    script = ROOT / "examples" / "movies" / "movies.py"
    ran = subprocess.run(
        [sys.executable, script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout == "CATS: you will never sleep again\n"
