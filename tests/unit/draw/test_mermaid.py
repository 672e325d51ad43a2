"""The Mermaid: no text of a user can be anything but text."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from agent_runtime.draw import Graph, Progress, mermaid
from agent_runtime.draw.mermaid import escaped
from agent_runtime.draw.text import line, width
from tests.unit.draw.cases import CASES
from tests.unit.draw.graphs import drawings

TEXT = r'"(?:[^\W_]|[ .,_-]|#\d+;|<br/>|[▶⏸⏹✓✗]|each: )*"'
ID = r"n[0-9_nse]*"
LINES = [
    r"flowchart TD",
    rf'\s+{ID}s\(\(" "\)\)',
    rf"\s+{ID}(?:\({TEXT}\)|\{{{TEXT}\}}|\[/{TEXT}/\]|\(\[{TEXT}\]\)|\[\\{TEXT}/\]|\[\[{TEXT}\]\]|\[{TEXT}\])",
    rf"\s+subgraph {ID}\[{TEXT}\]",
    r"\s+end",
    rf'\s+{ID} -->(?:\|{TEXT}\|)? {ID}(?:\(\(\("#8203;"\)\)\))?',
    r"  classDef (?:Running|Waiting|Succeeded|Failed|Cancelled) fill:#\w{6},stroke:#\w{6},color:#\w{6}",
    rf"  class {ID}(?:,{ID})* (?:Running|Waiting|Succeeded|Failed|Cancelled)",
    r"  linkStyle \d+(?:,\d+)* stroke:#\w{6},stroke-width:4px",
]
GRAMMAR = re.compile("|".join(LINES))


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(drawings())
def test_whatever_the_texts_every_line_is_one_of_ours(drawing: tuple[Graph, Progress | None]) -> None:
    for text in mermaid(*drawing).splitlines():
        assert GRAMMAR.fullmatch(text), text


def test_links_that_were_taken_are_numbered_as_mermaid_counts_them() -> None:
    lines = mermaid(CASES["inner-running"].graph, CASES["inner-running"].progress).splitlines()
    links = [text.split() for text in lines if "-->" in text]
    numbers = lines[-1].split()[1].split(",")
    assert [links[int(number)] for number in numbers] == [
        ["n1_s", "-->", "n1_0"],
        ["n1_0", "-->", "n1_1"],
        ["ns", "-->", "n0"],
        ["n0", "-->", "n1"],
    ]


LINE = {
    "short enough": ("a word", 10, "a word"),
    "cut": ("a long sentence", 8, "a long…"),
    "several lines": (" a\n\tb\r\nc ", 10, "a b c"),
    "what turns text around": ("a\u202eb\u2066c", 10, "a\ufffdb\ufffdc"),
    "what no XML can hold": ("a\0b\x1b\ud800", 10, "a\ufffdb\ufffd\ufffd"),
    "nothing": ("", 10, ""),
    "very long": ("x" * 10_000, 5, "xxxx…"),
}


@pytest.mark.parametrize("case", LINE)
def test_a_text_as_one_line(case: str) -> None:
    text, most, wanted = LINE[case]
    assert line(text, most) == wanted


def test_escaped() -> None:
    assert escaped('a "b" <c> #d; Ü') == "a #34;b#34; #60;c#62; #35;d#59; Ü"


def test_wide_characters_take_more_room() -> None:
    assert width("漢字", 10) > width("ab", 10) > width("il", 10) > width("", 10) == 0
