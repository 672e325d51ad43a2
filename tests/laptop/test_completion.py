"""What a shell completes with the script of `covey completion`."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laptop.conftest import COVEY, PATIENCE, Covey, example


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Covey]:
    """The example `hello`, with a run that has ended."""
    home = tmp_path_factory.mktemp("home")
    covey = Covey(home)
    with covey.up(example("hello", home)):
        covey("run", "greet", "-p", "name=Ada")
        yield covey


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("covey ge", "get"),
        ("covey get ag", "agents"),
        ("covey get agents ", "polly"),
        ("covey get flow g", "greet"),
        ("covey get runs gr", "greet-"),
        ("covey delete fl", "flows"),
        ("covey delete agent p", "polly"),
        ("covey chat p", "polly"),
        ("covey run g", "greet"),
        ("covey run fol", "follow"),
        ("covey run follow gr", "greet-"),
        ("covey logs po", "polly"),
        ("covey flow draw g", "greet"),
        ("covey flow draw greet --run g", "greet-"),
    ],
)
def test_bash_completes(up: Covey, line: str, completed: str) -> None:
    words = line.split(" ")
    script = f"""
        source <({shlex.quote(str(COVEY))} completion bash)
        COMP_WORDS=({" ".join(word or "''" for word in words)}); COMP_CWORD={len(words) - 1}
        "$(complete -p covey | sed 's/.*-F \\([^ ]*\\).*/\\1/')" covey
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{Path(COVEY).parent}:{up.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**up.environ, "PATH": path},
        cwd=up.home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert [word for word in done.stdout.split() if word.startswith(completed)], done.stdout + done.stderr


def test_without_a_server_no_name_is_completed_and_nothing_is_said(covey: Covey) -> None:
    for words in ("covey get agents ", "covey run g"):
        done = covey(_COVEY_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
        assert (done.stdout.strip(), done.stderr) == ("", "")
