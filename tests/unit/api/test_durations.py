"""Durations: the pattern of the CRD and the parser of the runtime agree on what is one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.api.base import DURATION_PATTERN, seconds


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("500ms", 0.5),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("7d", 604800.0),
        ("1d1h1m1s1ms", 90061.001),
    ],
)
def test_units(duration: str, expected: float) -> None:
    assert seconds(duration) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "ms", "5", "5 m", "m5", "1m1h", "5s5s", "-5s", "1.5h", "5min", "\u0665s", "5s\n"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration, want for example 500ms"):
        seconds(text)


@given(st.text(alphabet="0159dhms \n", max_size=12))
def test_the_pattern_accepts_what_the_parser_accepts(text: str) -> None:
    by_schema = len(text) >= 2 and re.fullmatch(DURATION_PATTERN, text) is not None
    try:
        seconds(text)
        parsed = True
    except ValueError:
        parsed = False
    assert parsed == by_schema
