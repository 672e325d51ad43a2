"""`covey validate`: every fault of every file, with its place."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_runtime.cli.output.printing import say, tell
from agent_runtime.local.errors import UserError
from agent_runtime.local.manifests.check import Checked, check
from agent_runtime.local.manifests.function_check import folder_of, function_faults
from agent_runtime.local.manifests.load import load


def run(paths: Sequence[Path]) -> None:
    """Faults make it fail. References to what is not in the files are told, and may be elsewhere."""
    found = load(paths)
    checked = check(found, os.environ)
    functions = function_faults(found.resources, folder_of(paths))
    _require_faultless(replace(checked, faults=(*checked.faults, *functions)))
    for note in (*found.notes, *(f"{fault} (not in these files)" for fault in checked.missing)):
        tell(f"note: {note}")
    say(f"{_count(len(found.resources), 'resource')} in order")


def loaded(paths: Sequence[Path]) -> list[Mapping[str, Any]]:
    """The manifests of files without a fault. Raises UserError that lists the faults."""
    found = load(paths)
    _require_faultless(check(found, os.environ))
    return [source.manifest for source in found.resources]


def _require_faultless(checked: Checked) -> None:
    if checked.faults:
        listed = "\n".join(str(fault) for fault in checked.faults)
        raise UserError(f"{_count(len(checked.faults), 'fault')} in the manifests\n{listed}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
