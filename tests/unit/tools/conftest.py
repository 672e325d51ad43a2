"""A folder of input files, and tools that see it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from tests.clocks import SteppingClock

HARBOUR = """\
# The Harbour Story

Maria Lopez, who runs the Port of Hull, said on Tuesday that 1,200 jobs
depend on the new dock. The council's budget rose by 12 % to $3.5 million in 2024. Dr. J. Smith
of NOAA disagreed: "It will cost more," he said.

- The Green Harbour Trust collected 4,300 signatures.
"""
FISH = "Fish landings fell by 40 percent. The Port of Hull lost 3 ferries. Maria Lopez's plan is late.\n"

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two articles, one of them below."""
    (tmp_path / "harbour.md").write_text(HARBOUR)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "fish.txt").write_text(FISH)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Calls a builtin tool by its name on the folder."""

    def call(name: str, **arguments: Any) -> Any:
        return BUILTIN[name].run(arguments, ToolContext(folder, SteppingClock()))

    return call
