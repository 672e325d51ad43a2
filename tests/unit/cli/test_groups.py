"""What is proposed for a word that is no command."""

import pytest

from agent_runtime.cli.main import app


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (["replya"], "Did you mean 'replay'?"),
        (["lgos"], "Did you mean 'logs'?"),
        (["explain"], "Did you mean 'board explain'?"),
        (["draw"], "Did you mean 'flow draw'?"),
        (["board", "qeury"], "Did you mean 'query'?"),
        (["flow", "chekc"], "Did you mean 'check'?"),
        (["unapply"], "Did you mean 'apply'?"),
    ],
)
def test_what_was_meant_is_proposed(
    words: list[str], proposed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert proposed in _told(words, capsys)


@pytest.mark.parametrize("words", [["plain"], ["describe"], ["board", "explode"], ["flow", "create"], ["x"]])
def test_another_word_is_no_slip_of_the_hand(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told = _told(words, capsys)
    assert f"no such command '{words[-1]}'" in told
    assert "Did you mean" not in told


def _told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        app(words)
    assert left.value.code == 2
    return capsys.readouterr().err
