"""`python -m tests [TIER ...]`: runs what can run here, and says at the end which could not and why."""

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT
from tests.skips import not_allowed
from tests.tiers import TIERS, Tier


@dataclass(frozen=True)
class Outcome:
    """What became of a tier. `why` is set when it did not run."""

    tier: Tier
    why: str = ""
    passed: int = 0
    failed: int = 0
    skipped: tuple[str, ...] = ()
    """The reasons of skipped tests."""
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """For the closing lines."""
        if self.why:
            return f"  {self.tier.name:13} did not run: {self.why}; to run it: {self.tier.cure}"
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        counts = f"{self.passed} passed, {self.failed} failed{skipped}"
        return f"  {self.tier.name:13} {counts} in {self.seconds:.0f} s"


def run(tier: Tier, arguments: list[str]) -> Outcome:
    """Runs a tier in a pytest of its own."""
    if tier.takes_tools:
        _wait_for_tools()
    if why := tier.missing():
        return Outcome(tier, why=why)
    print(f"\n== {tier.name}: {tier.proves} ==", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"tests/{tier.name}",
            "-q",
            f"--junitxml={report}",
            *arguments,
        ]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        passed, failed, skipped = _counts(report)
    failed = failed or int(status not in (0, 5))
    return Outcome(tier, "", passed, failed, skipped, time.monotonic() - began)


def _wait_for_tools() -> None:
    """Whoever builds them at the same time holds the lock that COVEY_TOOLS_LOCK names."""
    if lock := os.environ.get("COVEY_TOOLS_LOCK"):
        with Path(lock).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH)


def _counts(report: Path) -> tuple[int, int, tuple[str, ...]]:
    if not report.exists():
        return 0, 1, ()
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skips = [skip for case in cases if (skip := case.find("skipped")) is not None]
    return len(cases) - failed - len(skips), failed, tuple(skip.get("message", "") for skip in skips)


def main() -> int:
    """0 when everything that ran passed."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("tiers", nargs="*", metavar="TIER", help=f"of {', '.join(TIERS)} (default: all)")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="a tier that cannot run, and a test that is skipped, is a failure",
    )
    options, arguments = parser.parse_known_args()
    if unknown := [name for name in options.tiers if name not in TIERS]:
        parser.error(f"no tier {', '.join(unknown)}: want one of {', '.join(TIERS)}")
    outcomes = [run(TIERS[name], arguments) for name in options.tiers or TIERS]
    print("\nTiers:")
    for outcome in outcomes:
        print(outcome.line)
        for reason in sorted(set(outcome.skipped)):
            print(f"    skipped {outcome.skipped.count(reason)}: {reason}")
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    skipped = sum(len(o.skipped) for o in outcomes)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    left_out = left_out_of(outcomes) if options.strict else []
    for what in left_out:
        print(f"a failure, as all must run here: {what}")
    return int(failed > 0 or passed == 0 or bool(left_out))


def left_out_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Whatever did not run though it should, each with the reason."""
    return [
        what
        for outcome in outcomes
        for what in (
            *([f"{outcome.tier.name} did not run: {outcome.why}"] if outcome.why else []),
            *(f"{outcome.tier.name} skipped: {reason}" for reason in not_allowed(outcome.skipped)),
        )
    ]


if __name__ == "__main__":
    raise SystemExit(main())
