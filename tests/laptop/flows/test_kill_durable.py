"""kill -9 at random moments, hundreds of times: runs end as if nothing had happened; nothing runs twice."""

import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

KILLS = {"sqlite": 75, "file": 30}
"""At least so many, of sync and of async runs each; a run is killed about ten times."""
_LONGEST_PAUSE = 0.004
_STAGES = ["plan", "passes", "nested", "map", "publish"]


@dataclass(frozen=True)
class Place:
    """Where in the run an `exec` was: what a key says, see `tests/unit/durable/flows.py` for the graph."""

    stage: tuple[int, int]
    """The round of the outer loop, and how far in it."""
    lane: str
    """What runs at the same time has lanes of its own."""
    step: tuple[int, int]
    """How far in its lane."""

    def proves_finished(self, other: "Place") -> bool:
        """Whether this could only run when the other was finished."""
        return self.stage > other.stage or (
            self.stage == other.stage and self.lane == other.lane and self.step > other.step
        )


def place_of(key: str, run: str, kind: str) -> Place:
    """The place of an idempotency key, whose form is checked on the way."""
    match = re.fullmatch(rf"{re.escape(run)}:(([a-z]+)(\[\d\])?(/[a-z]+)?):(\d+)(?::(\d+))?", key)
    assert match, key
    _, stage, index, inner, visit, item = match.groups()
    visits = int(visit)
    rounds = (visits + 1) // 2 if stage == "passes" else visits
    where = (rounds, _STAGES.index(stage))
    if item is not None:
        return Place(where, "items" if kind == "sync" else item, (int(item), 0))
    if index is None:
        return Place(where, "", (0, 0))
    if kind == "sync":
        return Place(where, "passes", (int(index[1]), visits * 2 + (inner == "/review")))
    return Place(where, index, (visits, inner == "/review"))


class Run:
    """A run whose processes are killed."""

    def __init__(self, kind: str, url: str, name: str, folder: Path, dice: random.Random) -> None:
        self.name = name
        self.kind = kind
        self.kills = 0
        self._side = folder / f"{name}.keys"
        self._command = [sys.executable, "-m", "tests.laptop.durable_child", kind, url, name, str(self._side)]
        self._dice = dice

    def to_its_end(self, *, killing: bool) -> Any:
        """What the last leg tells."""
        while True:
            told = self._leg(killing=killing)
            if told is not None:
                return orjson.loads(told)

    def ran(self) -> list[str]:
        """What ran, in order."""
        return self._side.read_text().splitlines() if self._side.exists() else []

    def _leg(self, *, killing: bool) -> bytes | None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with subprocess.Popen(self._command, stdout=subprocess.PIPE, env=environment, bufsize=0) as process:
            assert process.stdout is not None
            if killing:
                # By what it did, not by the clock: the machine may be fast or slow. Then a moment more or
                # less, to meet it in the middle of a commit, too.
                dots = self._dice.choice([1, 2, 3, 4, 6, 8])
                if all(process.stdout.read(1) == b"." for _ in range(dots)):
                    time.sleep(self._dice.uniform(0, _LONGEST_PAUSE))
                    process.kill()
                    if process.wait() != 0:
                        self.kills += 1
                        return None
            told = process.stdout.read().rpartition(b"\n")[2]
            assert process.wait() == 0
            return told


def check(run: Run) -> None:
    """No finished node ran again: nothing before a repetition proves that what is repeated was finished."""
    seen: dict[str, Place] = {}
    for key in run.ran():
        place = place_of(key, run.name, run.kind)
        if key in seen:
            proof = [other for other, at in seen.items() if at.proves_finished(place)]
            assert not proof, f"{key} ran again after {proof}"
        seen[key] = place


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_killed_at_random_moments(kind: str, scheme: str, tmp_path: Path) -> None:
    dice = random.Random(f"{kind} {scheme}")
    url = f"{scheme}:///{tmp_path}/store"
    undisturbed = Run(kind, url, "undisturbed", tmp_path, dice)
    action, shared, resumed = undisturbed.to_its_end(killing=False)
    assert not resumed
    whole = {key.removeprefix("undisturbed") for key in undisturbed.ran()}
    assert len(whole) == len(undisturbed.ran()) == 2 * (1 + 2 * 4 + 1 + 4 + 1)
    kills = number = 0
    while kills < KILLS[scheme]:
        run = Run(kind, url, f"run{number}", tmp_path, dice)
        number += 1
        assert run.to_its_end(killing=True)[:2] == [action, shared]
        assert {key.removeprefix(run.name) for key in run.ran()} == whole
        check(run)
        kills += run.kills
