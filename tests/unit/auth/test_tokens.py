"""Grants say what was put in, and nothing that is not signed for this board is one."""

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.tokens import Grant, derive, grant_of, mint, sign

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"
NOW = 2_000_000_000
WRITER = Identity("writer", "agent", frozenset({"desk"}), "acme")
EDITOR = Identity("editor", "user")


@pytest.mark.parametrize(
    ("token", "grant"),
    [
        (mint(KEY, EDITOR, AUDIENCE), Grant(EDITOR, None, False, None)),
        (mint(KEY, EDITOR, AUDIENCE, until=NOW + 1), Grant(EDITOR, None, False, NOW + 1)),
        (
            mint(KEY, WRITER, AUDIENCE, account="news:writer-agent"),
            Grant(WRITER, "news:writer-agent", False, None),
        ),
        (mint(KEY, WRITER, AUDIENCE, via_operator=True), Grant(WRITER, None, True, None)),
        (sign(KEY, "editor", AUDIENCE, {}), Grant(EDITOR, None, False, None)),
    ],
    ids=["for a person", "for a while", "for pods", "of the operator", "without a role"],
)
def test_a_grant_says_what_was_put_in(token: str, grant: Grant) -> None:
    assert grant_of(KEY, token, AUDIENCE, clock=lambda: NOW) == grant


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW}, "it expired 0 s ago"),
        ({"exp": NOW - 119}, "it expired 119 s ago"),
        ({"exp": NOW - 179}, "it expired 2 min ago"),
        ({"exp": NOW - 3 * 3600}, "it expired 3 h ago"),
        ({"exp": NOW - 9 * 86400}, "it expired 9 days ago"),
        ({"exp": "never"}, 'its "exp" is no time'),
        ({"exp": True}, 'its "exp" is no time'),
        ({"nbf": NOW + 5}, "it is not good yet, but in 5 s"),
        ({"role": "root"}, "its role is 'root'; want one of agent, user, admin"),
        ({"role": ["admin"]}, r"its role is \['admin'\]; want one of"),
        ({"sub": ""}, 'its "sub" is empty: want the name of the bearer'),
        ({"sub": ["writer"]}, "Subject must be a string"),
        ({"labels": "abc"}, 'its "labels" are no list of strings'),
        ({"labels": {"a": 1}}, 'its "labels" are no list of strings'),
        ({"labels": ["a", 1]}, 'its "labels" are no list of strings'),
        ({"tenant": ["a"]}, 'its "tenant" is no string'),
        ({"tenant": 0}, 'its "tenant" is no string'),
        ({"sa": ["news:a"]}, 'its "sa" is no string'),
        ({"aud": "blackboard/news/" + "x" * 200}, r"its audience is blackboard/news/x+\.\.\., this is"),
    ],
)
def test_what_is_no_grant(claims: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidToken, match=reason):
        grant_of(KEY, sign(KEY, "writer", AUDIENCE, claims), AUDIENCE, clock=lambda: NOW)


def test_keys_follow_from_the_path_and_differ_along_it() -> None:
    paths = [("blackboard", "news", "a"), ("blackboard", "news", "b"), ("agent", "news", "a")]
    keys = [derive(b"k" * 32, *path) for path in paths]
    assert len(set(keys)) == len(paths)
    assert keys == [derive(b"k" * 32, *path) for path in paths]
    assert derive(b"o" * 32, *paths[0]) != keys[0]
