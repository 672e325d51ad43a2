"""When a group is complete, what is in its set, and what is said when it is not."""

from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.blackboard.matching.joins import (
    BATCH,
    JoinSpec,
    complete,
    from_wire,
    partial,
    shortfall,
    to_wire,
)

WINDOW = timedelta(seconds=30)
SETS = JoinSpec("entry.b", 0, (2,), BATCH, timedelta(milliseconds=1500), "Deliver")
JOIN = JoinSpec("entry.key", 1, (1, 2), ("Draft", "Review"), WINDOW, "DeadLetter", SETS)


@pytest.mark.parametrize(
    ("needs", "waiting", "whole", "part"),
    [
        ((1, 1), ["", ""], None, ""),
        ((1, 1), ["a", ""], None, "a"),
        ((1, 1), ["", "b"], None, "b"),
        ((1, 1), ["a", "b"], "ab", "ab"),
        ((1, 1), ["ac", "b"], "ab", "ab"),
        ((1, 2), ["a", "b"], None, "ab"),
        ((1, 2), ["", "bcd"], None, "bc"),
        ((2, 1), ["ab", "cd"], "abc", "abc"),
        ((1, 1, 1), ["a", "b", "c"], "abc", "abc"),
        ((3,), ["ab"], None, "ab"),
        ((3,), ["abcd"], "abc", "abc"),
    ],
)
def test_sets(needs: tuple[int, ...], waiting: list[str], whole: str | None, part: str) -> None:
    assert complete(needs, waiting) == (None if whole is None else list(whole))
    assert partial(needs, waiting) == list(part)


@pytest.mark.parametrize(
    ("window", "present", "says"),
    [
        (30, (1, 0), "the window of 30s passed with 0 of 2 Review"),
        (30, (0, 1), "the window of 30s passed with 0 of 1 Draft, 1 of 2 Review"),
        (0.5, (0, 2), "the window of 0.5s passed with 0 of 1 Draft"),
        (86400, (0, 2), "the window of 86400s passed with 0 of 1 Draft"),
        (2592000, (0, 2), "the window of 2592000s passed with 0 of 1 Draft"),
    ],
)
def test_what_is_missing(window: float, present: tuple[int, int], says: str) -> None:
    join = JoinSpec("g", 0, (1, 2), ("Draft", "Review"), timedelta(seconds=window), "Drop")
    assert shortfall(join, present) == says


def test_what_is_a_batch() -> None:
    assert [JOIN.is_batch, SETS.is_batch] == [False, True]


@given(
    st.builds(
        JoinSpec,
        group=st.text(),
        slot=st.integers(0, 31),
        needs=st.lists(st.integers(1, 1000), min_size=1).map(tuple),
        names=st.lists(st.text(), min_size=1).map(tuple),
        window=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=366)),
        expiry=st.sampled_from(("DeadLetter", "Deliver", "Drop")),
        then=st.sampled_from((None, SETS)),
    )
)
def test_it_comes_back_from_the_wire(join: JoinSpec) -> None:
    assert from_wire(orjson.loads(orjson.dumps(to_wire(join)))) == join


def test_the_wire_form() -> None:
    """The Lua of the Redis store reads it, and what an older server wrote is read again."""
    assert orjson.loads(orjson.dumps(to_wire(JOIN))) == {
        "group": "entry.key",
        "slot": 1,
        "needs": [1, 2],
        "names": ["Draft", "Review"],
        "window": 30_000_000,
        "expiry": "DeadLetter",
        "then": {
            "group": "entry.b",
            "slot": 0,
            "needs": [2],
            "names": ["artifact"],
            "window": 1_500_000,
            "expiry": "Deliver",
            "then": None,
        },
    }
