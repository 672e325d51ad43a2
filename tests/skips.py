"""What may be skipped where nothing may be skipped: the few tests for which a machine cannot be equipped.

`python -m tests --strict` fails for every other skip: a test that waits for something which our own files
could have brought is a test that does not run.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

ROOT_AND_UNSHARE = "takes root and unshare"
NO_DEBIAN = "a bare machine is a Debian"
NO_WORKING_TREE = "not a working tree of git"


@dataclass(frozen=True)
class Allowed:
    """`reason` as the test says it, and when the machine really cannot."""

    reason: str
    impossible: Callable[[], bool]


ALLOWED = (
    Allowed(ROOT_AND_UNSHARE, lambda: os.geteuid() != 0),
    Allowed(NO_DEBIAN, lambda: not Path("/usr/bin/dpkg-query").exists()),
    Allowed(NO_WORKING_TREE, lambda: not (ROOT / ".git").exists()),
)


def not_allowed(reasons: Iterable[str], allowed: Iterable[Allowed] = ALLOWED) -> list[str]:
    """The reasons that are on no list, or on it for another machine."""
    fine = {each.reason for each in allowed if each.impossible()}
    return sorted({reason for reason in reasons if reason not in fine})
