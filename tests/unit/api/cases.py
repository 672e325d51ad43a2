"""The table of manifests, read from cases.yaml. Used on the laptop's side and on the API server's."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agent_runtime.api import API_VERSION

_FILE = Path(__file__).with_name("cases.yaml")


@dataclass(frozen=True)
class Expected:
    """A fault that must be found: its path, and a part of its message."""

    path: str
    says: str


@dataclass(frozen=True)
class Case:
    """A manifest and its faults; none: it is right. `old` is what it replaces, if anything."""

    name: str
    manifest: dict[str, Any]
    faults: tuple[Expected, ...] = ()
    old: dict[str, Any] | None = None


def valid() -> list[Case]:
    return [_case(row, row["spec"]) for row in _table()["valid"]]


def invalid() -> list[Case]:
    return [_case(row, row["spec"]) for row in _table()["invalid"]]


def changes() -> list[Case]:
    return [_case(row, row["new"], _manifest(row, row["old"])) for row in _table()["changes"]]


def _case(row: dict[str, Any], spec: dict[str, Any], old: dict[str, Any] | None = None) -> Case:
    faults = tuple(Expected(**fault) for fault in row.get("faults", ()))
    return Case(row["name"], _manifest(row, spec), faults, old)


def _manifest(row: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    metadata = row.get("metadata", {"name": "case"})
    return {"apiVersion": API_VERSION, "kind": row["kind"], "metadata": metadata, "spec": spec}


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return table
