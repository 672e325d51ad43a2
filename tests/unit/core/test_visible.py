"""Text of others is shown and never obeyed."""

import json
import sys
import unicodedata

import pytest
import yaml

from agent_runtime.cli.output.printing import block, json_text
from agent_runtime.cli.output.yaml_text import yaml_text
from agent_runtime.core.visible import visible, visible_json, visible_line

HOSTILE = (
    "\x1b[2J \x1b]0;title\x07 \x9b31m \r over \b\b\x7f \x00 \u202e drow \u2066 \u2069 \u200b \u200d \ufeff "
    "\u2028 \x85 \U000e0041 \ud800 [bold]b[/bold] [link=http://x]l[/link]"
)
PERMITTED = {"\t", "\n"}
SIGNS = [(0x600, 0x605), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x110BD, 0x110CD)]
SIGNS += [(0x13430, 0x1343F)]
"""Signs of several scripts that have a shape of their own, though Unicode calls them format."""


def everything() -> str:
    return "".join(map(chr, range(sys.maxunicode + 1)))


def test_of_all_characters_no_control_and_no_format_is_left() -> None:
    left = set(visible(everything()))
    hidden = {c for c in left if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert {c for c in hidden if not any(a <= ord(c) <= b for a, b in SIGNS)} == PERMITTED
    assert not PERMITTED & set(visible_line(everything()))


@pytest.mark.parametrize("text", ["Grüße, 你好, नमस्ते", "a 😀 ❤️", "C:\\new\\table", "[bold]x[/bold]"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == visible_line(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb", "a\\rb"),
        ("a\r\nb", "a\nb"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp", "\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_hidden_is_written_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_on_one_line_a_break_is_shown() -> None:
    assert visible_line("a\nb\r\n\tc") == "a\\nb\\r\\n\\tc"


@pytest.mark.parametrize("value", [HOSTILE, {HOSTILE: [HOSTILE, {"a\nb": "c\n\nd"}]}, ["plain", 1, None]])
def test_json_means_the_same(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert visible(text) == text


@pytest.mark.parametrize("value", [HOSTILE.replace("\ud800", ""), {HOSTILE[:40]: "a\nb\u202e"}, "plain"])
def test_yaml_means_the_same(value: object) -> None:
    text = yaml_text(value)
    assert yaml.safe_load(text) == value
    assert visible(text) == text


def test_json_beyond_the_first_plane_is_a_pair() -> None:
    assert visible_json('"\U000e0041"') == '"\\udb40\\udc41"'


def test_no_line_of_a_block_can_pass_for_another() -> None:
    assert block("yes?\n  covey run answer x approve", "  | ").splitlines() == [
        "  | yes?",
        "  |   covey run answer x approve",
    ]
