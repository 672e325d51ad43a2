"""Sessions are bounded in length, age and number."""

from typing import Any

import pytest

from agent_runtime.agents.errors import SessionExists, SessionNotFound
from agent_runtime.agents.sessions import Sessions
from agent_runtime.api.agent import Memory
from agent_runtime.models.port import ModelMessage, UserMessage
from tests.clocks import START, SteppingClock


def sessions(clock: SteppingClock | None = None, **memory: Any) -> Sessions:
    numbers = iter(range(1, 1000))
    return Sessions(
        Memory.model_validate(memory), clock or SteppingClock(), new_id=lambda: f"s{next(numbers)}"
    )


def test_a_new_session_and_the_same_again() -> None:
    kept = sessions()
    first = kept.begin()
    assert (first.id, first.created_at, first.history()) == ("s1", START, ())
    kept.add(first, "hello", "hi")
    assert kept.open("s1") is first
    assert first.history() == (UserMessage("hello"), ModelMessage("hi"))
    assert kept.begin().id == "s2"
    own = kept.begin("my-own")
    assert own.id == "my-own"
    assert kept.open("my-own") is own
    with pytest.raises(SessionExists, match="'my-own' already"):
        kept.begin("my-own")


def test_a_session_that_is_not_there_is_not_begun_in_silence() -> None:
    kept = sessions(ttl="90s")
    with pytest.raises(SessionNotFound, match=r"no session 'gone' here: .* 90s \(memory\.ttl\)"):
        kept.open("gone")
    assert len(kept) == 0
    dropped = kept.begin("gone")
    kept.drop(dropped)
    with pytest.raises(SessionNotFound):
        kept.open("gone")


@pytest.mark.parametrize(
    ("window", "shown"),
    [
        (0, ()),
        (1, ()),
        (2, (UserMessage("q3"), ModelMessage("a3"))),
        (3, (UserMessage("q3"), ModelMessage("a3"))),
        (4, (UserMessage("q2"), ModelMessage("a2"), UserMessage("q3"), ModelMessage("a3"))),
    ],
)
def test_the_window_bounds_what_is_kept_and_what_is_shown_begins_with_the_user(
    window: int, shown: tuple[object, ...]
) -> None:
    kept = sessions(window=window)
    session = kept.begin()
    for number in (1, 2, 3):
        kept.add(session, f"q{number}", f"a{number}")
    assert len(session.messages) == min(window, 6)
    assert session.history() == shown


def test_a_silent_session_is_forgotten_at_its_time() -> None:
    clock = SteppingClock()
    kept = sessions(clock, ttl="10s")
    old, young = kept.begin(), kept.begin()
    clock.advance(6)
    kept.add(young, "still", "here")
    clock.advance(4)
    assert kept.get(old.id) is old, "at exactly its time it is still there"
    clock.advance(1)
    assert kept.get(old.id) is None
    assert kept.get(young.id) is young
    assert kept.begin(old.id) is not old


def test_looking_does_not_keep_a_session_alive() -> None:
    clock = SteppingClock()
    kept = sessions(clock, ttl="10s")
    session = kept.begin()
    clock.advance(9)
    assert kept.get(session.id) is session
    clock.advance(2)
    assert kept.get(session.id) is None


def test_the_one_silent_for_longest_goes_when_there_are_too_many() -> None:
    kept = sessions(maxSessions=2)
    first, second = kept.begin(), kept.begin()
    kept.open(first.id)
    third = kept.begin()
    assert len(kept) == 2
    assert [kept.get(s.id) for s in (first, second, third)] == [first, None, third]
