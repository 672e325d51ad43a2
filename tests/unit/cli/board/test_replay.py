"""What `covey replay` says when it cannot even begin."""

import pytest
from typer.testing import CliRunner

from agent_runtime.cli.main import app

LOG = ("--log", "redis://127.0.0.1:1/0")
BOARD = ("--board", "news/board")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((*LOG, "--board", "board", "--dry-run"), 2, "--board 'board' names no board"),
        ((*LOG, *BOARD, "--as", "a/b/c", "--dry-run"), 2, "--as 'a/b/c' names no board"),
        ((*LOG, *BOARD), 2, "there is no store to rebuild it in"),
        ((*LOG, *BOARD, "--dry-run", "--until", "yesterday"), 2, "--until 'yesterday' is no time"),
        (("--log", "http://127.0.0.1:1", *BOARD, "--dry-run"), 2, "an event log is at nats://"),
        ((*LOG, *BOARD, "--to", "http://127.0.0.1:1"), 2, "there is no store http://"),
        ((*LOG, *BOARD, "--dry-run"), 1, "the event log in Redis"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], status: int, says: str) -> None:
    done = CliRunner().invoke(app, ["replay", *arguments])
    assert done.exit_code == status, done.output
    assert says in done.output
