"""A conversation across messages, and what is said when it is gone."""

import signal
from pathlib import Path

from tests.laptop.conftest import Covey


def test_a_session_ends_with_its_process_and_that_is_said(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as running:
        lost = covey("chat", "polly", "Hello", "--session", "s1", status=1)
        assert "there is no session 's1' here" in lost.stderr
        covey("chat", "polly", "Hello", "--new-session", "s1")
        covey("chat", "polly", "Hello again", "--session", "s1")
        taken = covey("chat", "polly", "Hello", "--new-session", "s1", status=1)
        assert "there is a session 's1' already" in taken.stderr
        running.signal(signal.SIGTERM)
        running.end()
    with covey.up(hello):
        gone = covey("chat", "polly", "Do you remember?", "--session", "s1", status=1)
        assert "are gone when it restarts" in gone.stderr
        assert "(--new-session)" in gone.stderr
        assert gone.stdout == ""
