"""What is read of FlowRuns that triggers made: plain manifests with their status."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent_runtime.triggers.naming import ARTIFACT_ANNOTATION, FLOW_LABEL, TRIGGER_LABEL

Run = Mapping[str, Any]
"""A FlowRun as the API serves it."""

ENDED = ("Succeeded", "Failed", "Cancelled")
"""Phases that are for good."""


def name_of(run: Run) -> str:
    """Its name."""
    name: str = run["metadata"]["name"]
    return name


def trigger_of(run: Run) -> tuple[str, str] | None:
    """(flow, key of the trigger) of a run that a trigger made; None: a person did."""
    labels = run["metadata"].get("labels") or {}
    if TRIGGER_LABEL not in labels:
        return None
    return labels.get(FLOW_LABEL, ""), labels[TRIGGER_LABEL]


def is_for_artifact(run: Run) -> bool:
    """Whether an artifact set it off."""
    return ARTIFACT_ANNOTATION in (run["metadata"].get("annotations") or {})


def has_ended(run: Run) -> bool:
    """Whether it is over for good."""
    return (run.get("status") or {}).get("phase") in ENDED


def is_cancelled(run: Run) -> bool:
    """Whether it was told to stop."""
    return bool((run.get("spec") or {}).get("cancel"))


def is_leaving(run: Run) -> bool:
    """Whether it is being deleted."""
    return bool(run["metadata"].get("deletionTimestamp"))


def ended_at(run: Run) -> datetime:
    """When it ended; as far as that was noted, else when it was made."""
    status = run.get("status") or {}
    changes = [condition.get("lastTransitionTime") for condition in status.get("conditions") or ()]
    times = (status.get("finishedAt"), *changes, run["metadata"].get("creationTimestamp"))
    return datetime.fromisoformat(next((time for time in times if time), "1970-01-01T00:00:00Z"))
