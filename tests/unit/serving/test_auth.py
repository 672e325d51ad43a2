"""Tokens of a blackboard's callers: remembered, but no longer than they are good."""

import pytest

from agent_runtime.blackboard.board import Identity
from agent_runtime.identity import InvalidToken, mint, sign
from agent_runtime.serving.auth import signed

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"
WRITER = Identity("writer", "agent", frozenset({"desk"}), "acme")


def test_a_token_says_who_bears_it_every_time() -> None:
    verify = signed(KEY, AUDIENCE)
    token = mint(KEY, WRITER, AUDIENCE)
    assert verify(token) == verify(token) == WRITER


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("nonsense", "Not enough segments"),
        (mint("x" * 64, WRITER, AUDIENCE), "Signature verification failed"),
        (mint(KEY, WRITER, "blackboard/news/another"), "Audience"),
        (sign(KEY, "writer", AUDIENCE, {"exp": 1}), "expired"),
    ],
    ids=["nonsense", "forged", "for another board", "expired"],
)
def test_what_is_not_accepted_is_not_accepted_a_second_time_either(token: str, reason: str) -> None:
    verify = signed(KEY, AUDIENCE)
    for _ in range(2):
        with pytest.raises(InvalidToken, match=reason):
            verify(token)


def test_a_token_that_is_remembered_expires_all_the_same() -> None:
    now = [4_000_000_000.0]
    verify = signed(KEY, AUDIENCE, clock=lambda: now[0])
    token = sign(KEY, "writer", AUDIENCE, {"role": "user", "exp": 4_000_000_010})
    assert verify(token) == Identity("writer", "user")
    now[0] += 10
    with pytest.raises(InvalidToken, match="it has expired"):
        verify(token)
