"""Tokens say who their bearer is, and nothing else lets anybody in."""

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.run_tokens import AUDIENCE, Caller, mint, verifier
from agent_runtime.auth.tokens import mint as mint_for_board

KEY = "k" * 64
RUN = Caller("news/a/1", "run", frozenset({"news/b/2"}))


def test_a_token_says_what_was_put_in() -> None:
    assert verifier(KEY)(mint(KEY, RUN)) == RUN


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("nonsense", "Not enough segments"),
        (mint("x" * 64, RUN), "Signature verification failed"),
        (mint_for_board(KEY, Identity("scout"), "blackboard/news/room"), "its audience is blackboard/"),
        (mint_for_board(KEY, Identity("scout"), AUDIENCE), "its role is 'agent'; want one of run, worker"),
        (mint(KEY, RUN, until=1), "expired"),
    ],
    ids=["nonsense", "forged", "for a blackboard", "of another role", "expired"],
)
def test_what_is_not_accepted(token: str, reason: str) -> None:
    with pytest.raises(InvalidToken, match=reason):
        verifier(KEY)(token)


def test_a_token_that_is_remembered_expires_all_the_same() -> None:
    now = [4_000_000_000.0]
    verify = verifier(KEY, clock=lambda: now[0])
    token = mint(KEY, RUN, until=4_000_000_010)
    assert verify(token) == RUN
    now[0] += 10
    with pytest.raises(InvalidToken, match="it expired 0 s ago"):
        verify(token)
