"""`covey token` gives a person a token that ends."""

from time import time

import pytest
from typer.testing import CliRunner

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.tokens import grant_of
from agent_runtime.cli.main import app

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"


def test_it_says_what_was_asked_for_and_ends() -> None:
    words = ["token", "news/newsroom", "--name", "ann", "--label", "desk", "--tenant", "acme", "--for", "30m"]
    done = CliRunner().invoke(app, words, env={"COVEY_BLACKBOARD_KEY": KEY})
    grant = grant_of(KEY, done.stdout.strip(), AUDIENCE)
    assert grant.bearer == Identity("ann", "user", frozenset({"desk"}), "acme")
    assert grant.until == pytest.approx(time() + 1800, abs=120)
    with pytest.raises(InvalidToken, match="it expired"):
        grant_of(KEY, done.stdout.strip(), AUDIENCE, clock=lambda: time() + 1801)


@pytest.mark.parametrize(
    ("words", "key", "message"),
    [
        (["newsroom", "--name", "ann"], KEY, '"newsroom" is no Blackboard\nSay NAMESPACE/NAME'),
        (["news/newsroom", "--name", "ann", "--for", "long"], KEY, "--for: 'long' is not a duration"),
        (
            ["news/newsroom", "--name", "ann"],
            "",
            "COVEY_BLACKBOARD_KEY is not set: tokens are signed with the key of the Blackboard\n"
            "export COVEY_BLACKBOARD_KEY=$(kubectl -n news get secret newsroom-blackboard "
            "-o jsonpath='{.data.key}' | base64 -d)",
        ),
        (["news/newsroom", "--name", "ann", "--role", "agent"], KEY, "'agent' is not one of 'user', 'admin'"),
    ],
    ids=["no namespace", "no duration", "no key", "an agent, which needs a pod"],
)
def test_what_it_cannot_sign_is_named(words: list[str], key: str, message: str) -> None:
    done = CliRunner().invoke(app, ["token", *words], env={"COVEY_BLACKBOARD_KEY": key, "COLUMNS": "300"})
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
