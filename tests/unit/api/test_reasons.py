"""Every reason that the code gives is in the reference, and the reference lists no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

from agent_runtime.api.reasons import REASONS
from tests.paths import ROOT

_REASON_AT = {"refuse": 0, "miss": 0, "Rollout": 1, "Said": 2, "Problem": 1, "Refusal": 0}
"""Calls that give a reason, and which of their arguments it is."""
_COMPOSED = {
    f"{kind}{state}"
    for state, kinds in {
        "NotFound": ("Model", "Secret", "ConfigMap", "Blackboard", "Agent", "Flow"),
        "NotReady": ("Model", "Blackboard", "Flow"),
        "KeyNotFound": ("Secret", "ConfigMap"),
    }.items()
    for kind in kinds
}
"""Reasons that `compile.resolution` composes of a kind and a state."""


def _given(file: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        position = _REASON_AT.get(name)
        if position is not None and len(call.args) > position:
            reason = call.args[position]
            if isinstance(reason, ast.Constant) and isinstance(reason.value, str):
                yield reason.value


def test_every_reason_is_explained() -> None:
    files = [*(ROOT / "agent_runtime/compile").rglob("*.py"), *(ROOT / "operator").rglob("*.py")]
    given = {reason for file in files for reason in _given(file)}
    assert given, "no reason was found: does this test still know how they are given?"
    assert given - {reason.name for reason in REASONS} == set()
    assert {reason.name for reason in REASONS} >= _COMPOSED


def test_each_is_explained_once() -> None:
    names = [reason.name for reason in REASONS]
    assert len(names) == len(set(names))
