"""Values that a person gives on the command line: JSON, YAML that means what JSON can say, or a text."""

from pathlib import Path
from typing import Any

import pytest

from agent_runtime.cli.payload import parameters, payload, typed_payload
from agent_runtime.local.errors import UserError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("true", True),
        ("~", None),
        ("", None),
        ("{x: 1, y: 2}", {"x": 1, "y": 2}),
        ('{"a": [1.5]}', {"a": [1.5]}),
        # YAML's other types are no JSON: what they look like is a text.
        ("2026-01-05", "2026-01-05"),
        ("2026-13-45", "2026-13-45"),
        ("10:30", "10:30"),
        (".nan", ".nan"),
        ("y", "y"),
        ("!!binary aGk=", "!!binary aGk="),
        # What only begins like YAML is a text.
        ("[draft] hello", "[draft] hello"),
        ("*bold*", "*bold*"),
        ("what: [this", "what: [this"),
        ("1: 2", "1: 2"),
        ("one\n---\ntwo", "one\n---\ntwo"),
    ],
)
def test_a_parameter_is_what_json_can_say(text: str, value: Any) -> None:
    assert parameters([f"key={text}"]) == {"key": value}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("9" * 23, "has more than 64 bits: put it in quotes"),
        ("1e999", "is too large for a number"),
        ('{"n": ' + "9" * 23 + "}", "has more than 64 bits"),
        ("[" * 3000, "nested more than 64 levels deep"),
        ("{a: 1, a: 2}", 'key "a" is there already'),
        ("{1: 2}", 'write "1"'),
    ],
)
def test_a_parameter_that_no_store_can_hold_is_refused_by_its_name(text: str, says: str) -> None:
    with pytest.raises(UserError, match=r"^--param key: the value:1:\d+: ") as caught:
        parameters([f"key={text}"])
    assert says in caught.value.what
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"a": NaN}', "is not JSON"),
        ('{"a": 99999999999999999999999}', "does not fit in 64 bits"),
        ('{"a": "\\ud83d"}', "is not JSON"),
        ('{"a": "\\u0000"}', "a holds a NUL character"),
    ],
)
def test_a_json_file_is_json(content: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text(content)
    with pytest.raises(UserError) as caught:
        typed_payload(f"Order=@{file}", "publish")
    assert caught.value.what.startswith(f"publish Order: {file}")
    assert says in caught.value.what


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_bytes(b'\xef\xbb\xbf{"item": "tea"}')
    assert typed_payload(f"Order=@{file}", "publish") == ("Order", {"item": "tea"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\udcff: 1", "not text in UTF-8"),
        ("{a: 1", "1: this is not YAML"),
        ("[1]", "must be an object, got a list"),
        ("a: 1\n---\nb: 1", "several documents"),
    ],
)
def test_a_payload_that_is_none_names_the_option(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        payload(text, "--publish Order")
    assert caught.value.what.startswith("--publish Order: the value")
    assert says in caught.value.what
