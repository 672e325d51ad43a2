"""Commands that are printed for a person to type again."""

import shlex
import sys
from pathlib import Path

import pytest

from agent_runtime.cli.command import spelled, wrapped

WORDS = [["covey", "up"], ["a folder"], ["--publish", 'Order={"dish": "soup"}'], ["--until", "Dish"]]


def test_a_short_command_is_one_line() -> None:
    assert wrapped([["covey", "up"], ["hello"]]) == "  covey up hello"


def test_a_long_command_fits_a_terminal_and_still_means_the_same() -> None:
    long = wrapped([*WORDS, *(["--tag", f"number-{number}"] for number in range(9))])
    assert all(len(line) <= 80 for line in long.splitlines())
    assert all(line.endswith(" \\") for line in long.splitlines()[:-1])
    given = [word for group in WORDS for word in group]
    assert shlex.split(long.replace("\\\n", ""))[: len(given)] == given


def test_the_command_goes_by_the_name_that_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    covey = tmp_path / "bin" / "covey"
    covey.parent.mkdir()
    covey.write_text("#!/bin/sh\n")
    covey.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(covey), "up"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert spelled() == str(covey)
    monkeypatch.setenv("PATH", str(covey.parent))
    assert spelled() == "covey"
